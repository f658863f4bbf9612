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

# members_of GROUP GID: those that it lists, those whose first group it is, and each person that has it;
# a line each. Fails where nobody can tell.
members_of() {
  person_gid=${2:-none}
  members=$(
    listed_in "$1" "$person_gid" || exit
    each_line tell_if_in_group "$everybody"
  ) || return 1
  case $members in
    '') [ "$kernel" != Darwin ] && grep -q "^[^:]*:[^:]*:$person_gid:" /etc/group ;;
    *) printf '%s\n' "$members" | sort -u ;;
  esac
}

# is_nobodys GID: whether nobody but root is in a group; each is asked for once.
nobodys=' ' inhabited=' '
is_nobodys() {
  case $nobodys in *" $1 "*) return 0 ;; esac
  case $inhabited in *" $1 "*) return 1 ;; esac
  if its=$(members_of "$1" "$1") && [ "${its:-root}" = root ]; then
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
    first=$(limit 5 getent passwd 2>/dev/null) || return 1
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

# tell_if_in_group NAME: the name, if that person has the group of this number.
tell_if_in_group() {
  case " $(id -G "$1" 2>/dev/null) " in *" $person_gid "*) printf '%s\n' "$1" ;; esac
}
