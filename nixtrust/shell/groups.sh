# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the others it is one script
# Who is in a group. Root alone asks.

# group_of GID: its name; the number where it has none.
group_of() {
  if [ "$kernel" = Darwin ]; then
    its=$(limit 5 dscl /Search -search /Groups PrimaryGroupID "$1" 2>/dev/null | awk -F '\t' 'NR == 1 { print $1 }')
  else
    its=$(limit 5 getent group "$1" 2>/dev/null)
  fi
  its=${its%%:*}
  printf '%s\n' "${its:-$1}"
}

# number_of GROUP
number_of() {
  if [ "$kernel" = Darwin ]; then
    limit 5 dscl /Search -read "/Groups/$1" PrimaryGroupID 2>/dev/null | sed -n 's/^PrimaryGroupID: //p'
  else
    limit 5 getent group "$1" 2>/dev/null | cut -d : -f 3
  fi
}

# find_members GROUP GID: sets members to those that it lists, those whose first group it is, and each person
# that has it, a line each; each group is asked for once. Fails where nobody can tell.
known_members=$newline groups_of_people=''
find_members() {
  person_gid=${2:-none}
  case $known_members in
    *"$newline$1$tab$person_gid$tab"*)
      members=${known_members#*"$newline$1$tab$person_gid$tab"}
      members=${members%%"$newline"*}
      [ "$members" != '?' ] || return 1
      members=$(printf '%s' "$members" | tr , '\n')
      return
      ;;
  esac
  [ -n "$groups_of_people" ] || groups_of_people=$newline$(each_line tell_groups "$everybody")
  members=$(
    listed_in "$1" "$person_gid" || exit
    printf '%s\n' "$groups_of_people" | gid=$person_gid awk '
      { for (i = 2; i <= NF; i++) if ($i == ENVIRON["gid"]) print $1 }'
  ) || members='?'
  if [ -z "$members" ] && { [ "$kernel" = Darwin ] || ! grep -q "^[^:]*:[^:]*:$person_gid:" /etc/group; }; then
    members='?'
  fi
  members=$(printf '%s\n' "$members" | sort -u)
  known_members=$known_members$1$tab$person_gid$tab$(printf '%s' "$members" | tr '\n' ,)$newline
  [ "$members" != '?' ]
}

# is_nobodys GID: whether nobody but root is in a group; each is asked for once.
nobodys=' ' inhabited=' '
is_nobodys() {
  case $nobodys in *" $1 "*) return 0 ;; esac
  case $inhabited in *" $1 "*) return 1 ;; esac
  if find_members "$1" "$1" && [ "${members:-root}" = root ]; then
    nobodys="$nobodys$1 "
  else
    inhabited="$inhabited$1 "
    return 1
  fi
}

# listed_in GROUP GID: those that it lists, or another group of that number, and those whose first group it
# is, a line each.
listed_in() {
  if [ "$kernel" = Darwin ]; then
    its=$(limit 5 dscl /Search -search /Groups PrimaryGroupID "$2" 2>/dev/null)
    [ "$?" -lt 124 ] || return 1
    its=$(each_line tell_listed "$1$newline$(printf '%s\n' "$its" | sed -n "s/$tab.*//p")") || return 1
    first=$(limit 5 dscl . -list /Users PrimaryGroupID 2>/dev/null) || return 1
    first=$(printf '%s\n' "$first" | gid=$2 awk '$2 == ENVIRON["gid"] { print $1 }')
  else
    # Not every machine lists all groups that it knows when no number is asked.
    its=$(limit 5 getent group "$2" 2>/dev/null)
    [ "$?" -le 2 ] || return 1
    listed=$(limit 5 getent group 2>/dev/null) || return 1
    its=$(printf '%s\n%s\n' "$its" "$listed" | gid=$2 awk -F : '
      $3 == ENVIRON["gid"] { gsub(/,/, "\n", $4); print $4 }')
    first=${accounts:-$(limit 5 getent passwd 2>/dev/null)} || return 1
    first=$(printf '%s\n' "$first" | gid=$2 awk -F : '$4 == ENVIRON["gid"] { print $1 }')
  fi
  # Fedora's, which only do what they are called.
  [ "$2" != 0 ] || first=$(printf '%s\n' "$first" | sed '/^sync$/d; /^shutdown$/d; /^halt$/d; /^operator$/d')
  printf '%s\n%s\n' "$its" "$first" | sed '/^$/d' | sort -u
}

# tell_listed GROUP: a Mac's. Ends the process that asks if nobody can tell.
tell_listed() {
  its=$(limit 5 dscl /Search -read "/Groups/$1" GroupMembership 2>/dev/null)
  [ "$?" -lt 124 ] || exit 1
  printf '%s\n' "$its" | sed -n 's/^GroupMembership: //p' | tr ' ' '\n'
}

# tell_groups NAME: the name, and the numbers of all groups of that person.
tell_groups() {
  printf '%s %s\n' "$1" "$(id -G "$1" 2>/dev/null)"
}
