# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the others it is one script
# Who is in a group. In front of writers.sh: root alone asks.

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
# is, a line each. The first group of some of the system's own accounts is root's, on Fedora.
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
  [ "$2" != 0 ] || first=''
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

# Sets builders: those as whom alone Nix builds, each between newlines: of its group the accounts of which
# nobody has a home or can log in; others_build: who else is in that group; builders_gid: its number.
find_builders() {
  builders_gid=$(number_of "$builders_group")
  names=$(listed_in "$builders_group" "${builders_gid:-none}") || names=''
  set -f
  IFS=$newline
  # shellcheck disable=SC2046  # a list
  set -- $(printf '%s\n' "$accounts" | awk -F : '$7 ~ /(nologin|false)$/ && !seen[$6]++ { print $6 }')
  unset IFS
  set +f
  # shellcheck disable=SC2012  # a name that is no plain one is nobody's home
  owned=$([ "$#" = 0 ] || limit 5 ls -ldnqL "$@" 2>/dev/null)
  [ "$?" -lt 124 ] || be_unread
  names=$(
    printf '%s\naccounts\n%s\n' "$owned" "$accounts" | names=$names awk '
      BEGIN { count = split(ENVIRON["names"], names, "\n") }
      $0 == "accounts" { in_accounts = 1; next }
      !in_accounts { owner[substr($0, index($0, " /") + 1)] = $3; next }
      {
        split($0, its, ":")
        if (its[7] !~ /(nologin|false)$/ || (its[6] in owner && owner[its[6]] == its[3])) is_somebodys[its[1]] = 1
      }
      END { for (i = 1; i <= count; i++) print (names[i] in is_somebodys ? "-" : "+") names[i] }'
  ) || be_unread
  builders=$newline$(printf '%s\n' "$names" | sed -n 's/^+//p')$newline
  others_build=$(printf '%s\n' "$names" | sed -n 's/^-//p')
}
