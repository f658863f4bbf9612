# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with probe.sh it is one script
# Who besides root can change what the daemon reads and runs. In front of probe.sh: root alone asks.

look_at_writers() {
  if [ "$my_uid" != 0 ] || [ "$nix_state" != present ] || [ "$nix_user" != root ]; then return; fi
  ways=/$tab$conf_dir/nix.conf$newline names=/$newline lacking=$newline writers=' '
  each_line walk "$(depended_on)"
  changeable=$(changeable) || be_unread
  each_line writer "$changeable"
  # shellcheck disable=SC2086  # names
  tell_sudoers $writers
  # shellcheck disable=SC2086  # names
  tell_absent_accounts $trusted_users
}

# each_line STEP LINES
each_line() {
  set -f
  IFS=$newline
  for line in $2; do
    unset IFS
    set +f
    "$1" "$line"
    set -f
    IFS=$newline
  done
  unset IFS
  set +f
}

# What the daemon depends on, a path a line. What is not there it would read if it were.
depended_on() {
  printf '%s\n' "$seen" "$daemon" "$nix" /nix/var/nix/db/db.sqlite
  set -f
  # Arguments of a shell, and what systemctl says of them.
  IFS=" ;=\"$tab$newline"
  for word in $programs $daemon_files; do
    case $word in /*) printf '%s\n' "$word" ;; esac
  done
  unset IFS
  set +f
  [ -z "$daemon_pid" ] || readlink "/proc/$daemon_pid/exe" 2>/dev/null
  if [ "$manager" = systemd ]; then
    for folder in /etc /run /usr/local/lib; do echo "$folder/systemd/system/$unit.d"; done
  fi
}

# walk PATH: each name on the way there, and to where links lead, joins ways, behind it what it leads
# to. A folder with a name that is not there is lacking it. Nothing is followed beyond a folder that
# others can change.
walk() {
  # The daemon's program, if it has been replaced since.
  case $1 in *' (deleted)') return ;; esac
  subject=$1 at='' rest=${1#/}/ hops=0
  while [ -n "$rest" ]; do
    name=${rest%%/*} rest=${rest#*/}
    case $name in
      '' | .) continue ;;
      ..)
        at=${at%/*}
        continue
        ;;
      *[[:cntrl:]]* | *' -> '*)
        record writer "${at:-/}" "$subject" unknown '' '' d
        return
        ;;
    esac
    way=$at/$name
    join_ways "$way"
    if [ -h "$way" ]; then
      hops=$((hops + 1))
      [ "$hops" -le 40 ] || return 0
      target=$(readlink "$way") || return 0
      case $target in /*) at='' ;; esac
      rest=${target#/}/$rest
    elif [ -d "$way" ]; then
      at=$way
      leads_on_safely || return 0
    else
      if [ ! -e "$way" ]; then lacking=$lacking${at:-/}$newline; fi
      return 0
    fi
  done
}

join_ways() {
  case $newline$names in *"$newline$1$newline"*) return ;; esac
  ways=$ways$1$tab$subject$newline names=$names$1$newline
}

# Whether root alone can change the folder $at, or at least what is next in it: in a sticky one others
# cannot change what is root's.
leads_on_safely() {
  case $roots in *"$newline$at$newline"*) return 0 ;; esac
  if [ -n "$(are_roots "$at")" ]; then
    roots=$roots$at$newline
    return 0
  fi
  next=$at/${rest%%/*}
  [ "$next" != "$at/" ] || return 1
  # shellcheck disable=SC2012  # not the names
  if [ "$(ls -ldn "$at" "$next" 2>/dev/null | awk '
    $3 != 0 { exit 1 }
    NR == 1 && $1 !~ /^.........[tT]$/ { exit 1 }
    END { print NR }')" = 2 ]; then return 0; fi
  join_ways "$next"
  if [ ! -e "$next" ] && [ ! -h "$next" ]; then lacking=$lacking$at$newline; fi
  return 1
}

# Of all ways those that others can change, a line each: the path, what depends on it, how (owner,
# user and group of an access control list, everybody), which number or name, mode. And those that
# keep members from reading nix.conf, how: closed. The mode's last letters: chmod(1), sticky: in such
# a folder others can make names, but not change root's.
changeable() {
  if [ "$kernel" = Darwin ]; then long=-lden; else long=-ldn; fi
  set -f
  IFS=$newline
  # shellcheck disable=SC2012,SC2086  # a list; a name with a blank is taken whole
  listed=$(limit 10 ls "$long" $names 2>/dev/null)
  # What is gone by now is no failure.
  [ "$?" -le 128 ] || be_unread
  unset IFS
  set +f
  physical=$(cd -P "$conf_dir/" 2>/dev/null && pwd -P)
  printf '%s\n' "$listed" | ways=$ways lacking=$lacking conf_dir=$conf_dir physical=$physical awk '
    BEGIN {
      n = split(ENVIRON["ways"], lines, "\n")
      for (i = 1; i <= n; i++) { split(lines[i], pair, "\t"); subject[pair[1]] = pair[2] }
      n = split(ENVIRON["lacking"], lines, "\n")
      for (i = 1; i <= n; i++) lacks[lines[i]] = 1
      conf_dir = ENVIRON["conf_dir"]
      physical = ENVIRON["physical"]
    }
    # macOS, ls -e:  0: user:baleen inherited allow write,append
    /^ +[0-9]+: / {
      if ($0 ~ / allow .*(write|append|add_file|add_subdirectory|delete_child|chown|delete)/) {
        split($2, who, ":")
        listed[path] = listed[path] who[1] "\t" who[2] "\n"
      }
      next
    }
    {
      path = substr($0, index($0, " /") + 1)
      if ($1 ~ /^l/) sub(/ -> .*/, "", path)
      order[++count] = path
      mode[path] = $1
      uid[path] = $3
      gid[path] = $4
    }
    END { for (i = 1; i <= count; i++) judge(order[i]) }
    function judge(path,   above, its, kind) {
      its = mode[path]
      above = path
      sub(/\/[^\/]*$/, "", above)
      if (above == "") above = "/"
      # Who may write beside it can change a link; its owner too, if the folder is sticky.
      if (its ~ /^l/) {
        if (uid[path] != 0 && mode[above] ~ /^d........[tT]/) tell(path, "owner", uid[path])
        return
      }
      if (uid[path] != 0) tell(path, "owner", uid[path])
      if (its !~ /^d........[tT]/ || path in lacks) {
        if (its ~ /^.....w/) tell(path, its ~ /[+]$/ ? "listed" : "group", gid[path])
        if (its ~ /^........w/) tell(path, "everybody", "")
      }
      n = split(listed[path], lines, "\n")
      for (j = 1; j < n; j++) { split(lines[j], pair, "\t"); tell(path, "listed-" pair[1], pair[2]) }
      if (is_of_nix_conf(path) && (its ~ /^d/ ? its !~ /^d........[xt]/ : its !~ /^.......r/))
        tell(path, "closed", "")
    }
    # nix.conf, nix.custom.conf, and each folder on the way to the first.
    function is_of_nix_conf(path) {
      return path == physical "/nix.conf" || path == physical "/nix.custom.conf" ||
        (path != "/" && index(physical "/", path "/") == 1)
    }
    function tell(path, how, who) {
      print named(path) "\t" subject[path] "\t" how "\t" who "\t" mode[path]
    }
    # macOS: /private/etc/nix is /etc/nix.
    function named(path) {
      if (physical != "" && index(path "/", physical "/") == 1) return conf_dir substr(path, length(physical) + 1)
      return path
    }' || be_unread
}

# writer LINE: of what changeable has told a record: path, what depends on it, how, account or group,
# the members of the group, mode.
writer() {
  set -f
  IFS=$tab
  # shellcheck disable=SC2086  # its fields
  set -- $1
  unset IFS
  set +f
  # Without a fifth field, which stands behind an empty one.
  case $3 in
    closed) record closed "$1" "$4" ;;
    everybody) record writer "$1" "$2" everybody '' '' "$4" ;;
    owner) tell_account "$1" "$2" owner "$(id -un "$4" 2>/dev/null || echo "$4")" "$5" ;;
    listed-user) tell_account "$1" "$2" user "$4" "$5" ;;
    listed-group) tell_group "$1" "$2" "$4" "$5" ;;
    group) tell_group "$1" "$2" "$(group_of "$4")" "$5" ;;
    listed) tell_listed "$1" "$2" "$4" "$5" ;;
  esac
}

# tell_account PATH SUBJECT HOW NAME MODE
tell_account() {
  record writer "$1" "$2" "$3" "$4" '' "$5"
  writers="$writers$4 "
}

# tell_group PATH SUBJECT GROUP MODE
tell_group() {
  members=$(members_of "$3")
  record writer "$1" "$2" group "$3" "$members" "$4"
  writers="$writers$members "
}

# tell_listed PATH SUBJECT GID MODE: whom an access control list lets write, as Linux has them: acl(5).
# The group of the file is one of them.
tell_listed() {
  if ! listed=$(limit 5 getfacl -cp "$1" 2>/dev/null); then
    record writer "$1" "$2" unknown '' '' "$4"
    return
  fi
  listed=$(printf '%s\n' "$listed" | awk -F '[:\t]' '
    /^(user|group):/ {
      may = $3
      for (i = 4; i < NF; i++) if ($i ~ /#effective$/) may = $(i + 1)
      if (may ~ /w/ && ($1 == "group" || $2 != "")) print $1 "\t" ($2 == "" ? "-" : $2)
    }')
  subject=$2 mode=$4 gid=$3 way=$1
  each_line tell_entry "$listed"
}

tell_entry() {
  case $1 in
    "user$tab"*) tell_account "$way" "$subject" user "${1#*"$tab"}" "$mode" ;;
    *"$tab-") tell_group "$way" "$subject" "$(group_of "$gid")" "$mode" ;;
    *) tell_group "$way" "$subject" "${1#*"$tab"}" "$mode" ;;
  esac
}

# group_of GID: its name; the number where it has none.
group_of() {
  if [ "$kernel" = Darwin ]; then
    its=$(limit 5 dscl /Search -search /Groups PrimaryGroupID "$1" 2>/dev/null | awk 'NR == 1 { print $1 }')
  else
    its=$(limit 5 getent group "$1" 2>/dev/null)
  fi
  its=${its%%:*}
  printf '%s\n' "${its:-$1}"
}

# members_of GROUP: those that it lists, and those whose first group it is. Of persons the answer has
# all groups besides.
members_of() {
  if [ "$kernel" = Darwin ]; then
    its=$(limit 5 dscl /Search -read "/Groups/$1" PrimaryGroupID GroupMembership 2>/dev/null)
    its_gid=$(printf '%s\n' "$its" | sed -n 's/^PrimaryGroupID: //p')
    {
      printf '%s\n' "$its" | sed -n 's/^GroupMembership: //p'
      limit 5 dscl . -list /Users PrimaryGroupID 2>/dev/null | gid=$its_gid awk '$2 == ENVIRON["gid"] { print $1 }'
    } | tr '\n' ' '
  else
    its=$(limit 5 getent group "$1" 2>/dev/null)
    its_gid=${its#*:*:} its_gid=${its_gid%%:*}
    {
      printf '%s\n' "${its##*:}" | tr , ' '
      limit 5 getent passwd 2>/dev/null | gid=$its_gid awk -F : '$4 == ENVIRON["gid"] { print $1 }'
    } | tr '\n' ' '
  fi
}

# tell_sudoers NAME…: who of these may run anything as root; as they say it who wrote sudo: (root)
# NOPASSWD: ALL. Of twenty at most: behind a folder that more can change there is no excuse.
tell_sudoers() {
  asked=' '
  for name; do
    case $name in root | *[!A-Za-z0-9._-]* | -*) continue ;; esac
    case $asked in *" $name "*) continue ;; esac
    [ "${#asked}" -le 400 ] || return 0
    asked="$asked$name "
    limit 5 sudo -n -l -U "$name" 2>/dev/null </dev/null | awk '
      /^[ \t]+\((ALL|root)( : [A-Za-z0-9_-]+)?\) ([A-Z_]+: )*ALL$/ { found = 1 }
      END { exit !found }' && record sudoer "$name"
  done
}

# tell_absent_accounts NAME…: of declared trusted users those that are nobody here. Whoever makes such an
# account later is trusted.
tell_absent_accounts() {
  for name; do
    case $name in
      root | '*') continue ;;
      @*) its=$(group_is_there "${name#@}") ;;
      *) its=$(limit 5 id -u "$name" 2>/dev/null) ;;
    esac
    case $? in
      0) ;;
      1 | 2 | 56) record absent-account "$name" ;;
    esac
  done
}

group_is_there() {
  if [ "$kernel" = Darwin ]; then
    limit 5 dscl /Search -read "/Groups/$1" PrimaryGroupID 2>/dev/null
  else
    limit 5 getent group "$1"
  fi
}
