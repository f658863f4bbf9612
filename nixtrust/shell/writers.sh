# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with probe.sh it is one script
# Who besides root can change what the daemon reads and runs. In front of probe.sh: root alone asks.

look_at_writers() {
  if [ "$my_uid" != 0 ] || [ "$nix_user" != root ]; then return; fi
  case $nix_state in present | changeable) ;; *) return ;; esac
  ways=/$tab$conf_dir/nix.conf$newline names=/$newline lacking=$newline writers='' walked=$newline
  each_line walk "$(depended_on)"
  # The daemon's database has files that come and go.
  for _ in 1 2 3; do
    changeable=$(changeable) || be_unread
    case $changeable in *"${tab}unknown$tab"*) ;; *) break ;; esac
  done
  case $changeable in *"${tab}owner$tab"* | *"${tab}group$tab"* | *"${tab}everybody$tab"* | *"${tab}listed"* | *"${tab}unknown$tab"*)
    asking_conf_dir=/nonexistent ;;
  esac
  each_line tell_writer "$changeable"
  asked=0
  [ -z "$writers" ] || each_line ask_power "$(printf '%s' "$writers" | sort -u)"
  set -f
  # shellcheck disable=SC2086  # names
  tell_absent_accounts $trusted_users
  set +f
}

# What the daemon depends on, a path a line, of files that are not there too. nix.conf is the first. Behind
# a folder of which all that is in it counts is a slash.
depended_on() {
  printf '%s\n' "$seen" "$daemon" "$nix" "$all_refused" /nix/store/ /nix/store/.links/ /nix/var/nix/db/
  # Of daemon-socket the socket is everybody's, and where it lies is not; Debian's group asks the daemon there.
  for name in builds daemon-socket gc-socket gcroots profiles temproots userpool; do echo "/nix/var/nix/$name"; done
  echo /nix/var/log/nix/drvs
  for name in machines netrc registry.json; do echo "$conf_dir/$name"; done
  echo /etc/determinate/config.json
  for file in db.sqlite db.sqlite-wal db.sqlite-shm; do echo "/nix/var/nix/db/$file"; done
  printf '%s\n' "$programs" "$daemon_files" | sed -n '/^\/dev\//d; /^\/proc\//d; /^\/sys\//d; /^\//p'
  [ -z "$daemon_pid" ] || readlink "/proc/$daemon_pid/exe" 2>/dev/null
  [ "$manager" = systemd ] || return 0
  # Where a unit comes from: systemd.unit(5).
  for folder in /etc/systemd/system.control /run/systemd/system.control /run/systemd/transient \
    /run/systemd/generator.early /etc/systemd/system /etc/systemd/system.attached /run/systemd/system \
    /run/systemd/system.attached /run/systemd/generator /usr/local/lib/systemd/system \
    /usr/lib/systemd/system /run/systemd/generator.late; do
    echo "$folder/nix-daemon.service"
    [ -d "$folder" ] || continue
    printf '%s\n' "$folder/nix-daemon.socket" "$folder/determinate-nixd.socket"
    # Drop-ins of all units of a kind, and of those of a common beginning, too.
    for name in nix-daemon.service nix-daemon.socket nix-.service nix-.socket service socket; do
      echo "$folder/$name.d/"
    done
  done
}

# walk PATH: each name on the way there, and to where links lead, joins ways, behind it what it leads
# to first. A folder in which what others make counts, since a name is not there or all that is there
# counts, is lacking it. Nothing is followed beyond a folder that others can change.
walk() {
  # The daemon's program, if it has been replaced since.
  case $1 in *' (deleted)') return ;; esac
  case $walked in *"$newline$1$newline"*) return ;; esac
  walked=$walked$1$newline
  subject=${1%/} at='' rest=${1#/}/ hops=0
  while [ -n "$rest" ]; do
    name=${rest%%/*} rest=${rest#*/}
    case $name in
      '' | .) continue ;;
      ..)
        at=${at%/*}
        continue
        ;;
      *[!\ -~]* | *' -> '*)
        record writer "${at:-/}" "$subject" unknown 'whoever has made a name in it that cannot be told' '' '?'
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
      [ -z "${rest#/}" ] || leads_on_safely || break
    else
      if [ ! -e "$way" ]; then lacking=$lacking${at:-/}$newline; fi
      return 0
    fi
  done
  case $1:$rest in
    */:*[!/]*) ;;
    */:*) lacking=$lacking$at$newline ;;
  esac
}

join_ways() {
  case $newline$names in *"$newline$1$newline"*) return ;; esac
  ways=$ways$1$tab$subject$newline names=$names$1$newline
}

# Whether root alone can change the folder $at, or at least what is next in it: in a sticky one others
# cannot change what is root's.
leads_on_safely() {
  case $roots in *"$newline$at$newline"*) return 0 ;; esac
  find_alone "$at"
  if [ "$alone" != "$newline" ]; then
    roots=$roots$at$newline
    return 0
  fi
  next=$at/${rest%%/*}
  [ "$next" != "$at/" ] || return 1
  # shellcheck disable=SC2012  # not the names
  if [ "$(ls -ldnq "$at" "$next" 2>/dev/null | awk '
    $3 != 0 || (NR == 1 && $1 !~ /^.........[tT]$/) { others = 1 }
    END { if (!others) print NR }')" = 2 ]; then return 0; fi
  join_ways "$next"
  if [ ! -e "$next" ] && [ ! -h "$next" ]; then lacking=$lacking$at$newline; fi
  return 1
}

# Of all ways those that others can change, a line each: the path, what depends on it, how (owner,
# group, everybody, an access control list), which number or name, mode; and those that keep members from
# nix.conf: closed. The last of a mode's letters is t in a sticky folder (chmod(1)): there others can
# make names, but not change root's. A way that is told twice, or is not told and is there, is unknown:
# what a link leads to is somebody else's text.
changeable() {
  set -f
  IFS=$newline
  # shellcheck disable=SC2012,SC2086  # a list; a name with a blank is taken whole
  listed=$(limit 10 ls -ldnq $names 2>/dev/null)
  # What is gone by now is no failure; 124 to 127 are timeout(1)'s.
  [ "$?" -lt 124 ] || be_unread
  # With -n the lists of macOS have no names.
  entries=''
  if [ "$kernel" = Darwin ]; then
    # shellcheck disable=SC2012,SC2086  # as above
    entries=$(limit 10 ls -ldeq $names 2>/dev/null)
    [ "$?" -lt 124 ] || be_unread
  fi
  missing=''
  for name in $names; do
    if [ ! -e "$name" ] && [ ! -h "$name" ]; then missing=$missing$name$newline; fi
  done
  unset IFS
  set +f
  physical=$(cd -P "$conf_dir/" 2>/dev/null && pwd -P)
  printf '%s\nlists\n%s\n' "$listed" "$entries" |
    ways=$ways lacking=$lacking missing=$missing conf_dir=$conf_dir physical=$physical kernel=$kernel \
      builders_gid=$builders_gid nobodys=$nobodys awk '
    BEGIN {
      conf_dir = ENVIRON["conf_dir"]
      physical = ENVIRON["physical"]
      count = split(ENVIRON["ways"], lines, "\n") - 1
      for (i = 1; i <= count; i++) {
        split(lines[i], pair, "\t")
        order[i] = pair[1]
        subject[pair[1]] = pair[2]
      }
      n = split(ENVIRON["lacking"], lines, "\n")
      for (i = 1; i <= n; i++) lacks[lines[i]] = 1
      n = split(ENVIRON["missing"], lines, "\n")
      for (i = 1; i <= n; i++) is_missing[lines[i]] = 1
    }
    $0 == "lists" { in_lists = 1; next }
    { its = substr($0, index($0, " /") + 1); if ($1 ~ /^l/) sub(/ -> .*/, "", its) }
    !in_lists && its in subject {
      times[its]++
      mode[its] = $1
      uid[its] = $3
      gid[its] = $4
    }
    # macOS, ls -e:  0: user:baleen inherited allow write,append
    in_lists && /^ +[0-9]+: / {
      sub(/^ +[0-9]+: /, "")
      if (match($0, / (inherited )?allow /) && \
        substr($0, RSTART) ~ /(write|append|add_file|add_subdirectory|delete|chown)/)
        listed[path] = listed[path] substr($0, 1, RSTART - 1) "\n"
      next
    }
    in_lists { path = its }
    END { for (i = 1; i <= count; i++) judge(order[i]) }
    function judge(path,   above, its, n, j, lines, colon) {
      its = mode[path]
      above = path
      sub(/\/[^\/]*$/, "", above)
      if (above == "") above = "/"
      if (times[path] != 1) {
        if (!(path in is_missing) || times[path]) tell(path, "unknown", "")
        return
      }
      # Who may write beside it can change a link; its owner too, if the folder is sticky.
      if (its ~ /^l/) {
        if (uid[path] != 0 && mode[above] ~ /^d........[tT]/) tell(path, "owner", uid[path])
        return
      }
      if (uid[path] != 0) tell(path, "owner", uid[path])
      # Nor does root read nix.conf in a folder in which others can make names.
      if (its !~ /^d........[tT]/ || path in lacks || path == physical) {
        # On Linux the letters of the group are what a list lets at most: acl(5).
        # A folder has one for what is made in it too.
        if (its ~ /[+]$/ && (its ~ /^.....w/ || its ~ /^d/) && ENVIRON["kernel"] != "Darwin") tell(path, "listed", gid[path])
        # So the daemon has it at each start: NixOS/nix src/libstore/local-store.cc.
        else if (path == "/nix/store" && its ~ /^.....w/ && its ~ /^d........[tT][@.]?$/ && gid[path] == ENVIRON["builders_gid"])
          tell(path, "builders", "")
        else if (its ~ /^.....w/ && path != "/nix/var/nix/daemon-socket" && !index(ENVIRON["nobodys"], " " gid[path] " "))
          tell(path, "group", gid[path])
        if (its ~ /^........w/) tell(path, "everybody", "")
      }
      n = split(listed[path], lines, "\n")
      for (j = 1; j < n; j++) {
        colon = index(lines[j], ":")
        tell(path, "listed-" substr(lines[j], 1, colon - 1), substr(lines[j], colon + 1))
      }
      if ((subject[path] == conf_dir "/nix.conf" || subject[path] == conf_dir "/nix.custom.conf") && \
        (its ~ /^d/ ? its !~ /^d........[xt]/ : its !~ /^.......r/)) tell(path, "closed", "")
    }
    function tell(path, how, who) {
      print named(path) "\t" subject[path] "\t" how "\t" (who == "" ? "-" : who) "\t" (mode[path] == "" ? "-" : mode[path])
    }
    # macOS: /private/etc/nix is /etc/nix.
    function named(path) {
      if (physical != "" && index(path "/", physical "/") == 1) return conf_dir substr(path, length(physical) + 1)
      return path
    }' || be_unread
}

# tell_writer LINE: of what changeable has told a record: path, what depends on it, how, account or
# group, the members of the group, mode.
tell_writer() {
  set -f
  IFS=$tab
  # shellcheck disable=SC2086  # its fields
  set -- $1
  unset IFS
  set +f
  case $3 in
    closed) record closed "$1" "$5" ;;
    everybody) record writer "$1" "$2" everybody '' '' "$5" ;;
    owner) tell_account "$1" "$2" owner "$(id -un "$4" 2>/dev/null || echo "$4")" "$5" ;;
    group)
      case $newline$let_in$newline$4 in
        # A cache for what is built, which those write to as whom Nix builds.
        *"$newline$1$newline"*"$newline$builders_gid")
          tell_members "$1" "$2" "$builders_group" "$others_build" "$5"
          return
          ;;
      esac
      tell_group "$1" "$2" "$(group_of "$4")" "$5" "$4"
      ;;
    builders) tell_members "$1" "$2" "$builders_group" "$others_build" "$5" ;;
    listed-user) tell_account "$1" "$2" user "$4" "$5" ;;
    listed-group) tell_group "$1" "$2" "$4" "$5" "$(number_of "$4")" ;;
    listed) tell_list "$1" "$2" "$4" "$5" ;;
    *) record writer "$1" "$2" unknown 'whoever has changed it just now' '' "$5" ;;
  esac
}

# tell_account PATH SUBJECT HOW NAME MODE
tell_account() {
  record writer "$1" "$2" "$3" "$4" '' "$5"
  writers=$writers$4$newline
}

# tell_group PATH SUBJECT GROUP MODE GID: a group of the machine's own without members is nobody; of
# another one, as of a directory, nobody knows then.
tell_group() {
  if ! find_members "$3" "$5"; then
    record writer "$1" "$2" unknown "whoever is in the group $3" '' "$4"
    return
  fi
  tell_members "$1" "$2" "$3" "$members" "$4"
}

# tell_members PATH SUBJECT GROUP MEMBERS MODE
tell_members() {
  [ -n "$4" ] || return 0
  record writer "$1" "$2" group "$3" "$(printf '%s' "$4" | tr '\n' ',')" "$5"
  writers=$writers$4$newline
}

# tell_list PATH SUBJECT GID MODE: whom an access control list lets write, as Linux has them. The group
# of the file is one of them.
tell_list() {
  if ! listed=$(limit 5 getfacl -cp "$1" 2>/dev/null); then
    record writer "$1" "$2" unknown 'whoever its access control list lets' '' "$4"
    return
  fi
  listed=$(printf '%s\n' "$listed" | awk -F '[:\t]' '
    { sub(/^default:/, "") }
    /^(user|group):/ {
      may = $3
      for (i = 4; i < NF; i++) if ($i ~ /#effective$/) may = $(i + 1)
      if (may ~ /w/ && ($1 == "group" || $2 != "") && ++count <= 50) print $1 "\t" ($2 == "" ? "-" : $2)
    }
    END { if (count > 50) print "more\t-" }')
  list_path=$1 list_subject=$2 list_gid=$3 list_mode=$4
  each_line tell_entry "$listed"
}

tell_entry() {
  entry=${1#*"$tab"}
  case $1 in
    # Whoever owns the file may make thousands of entries.
    "more$tab"*) record writer "$list_path" "$list_subject" unknown 'whoever else its access control list lets' '' "$list_mode" ;;
    "user$tab"*) tell_account "$list_path" "$list_subject" user "$entry" "$list_mode" ;;
    *"$tab-") tell_group "$list_path" "$list_subject" "$(group_of "$list_gid")" "$list_mode" "$list_gid" ;;
    *) tell_group "$list_path" "$list_subject" "$entry" "$list_mode" "$(number_of "$entry")" ;;
  esac
}

# ask_power NAME: or tell that nobody has asked. The whole look has a time limit, and a directory may have
# thousands of accounts.
ask_power() {
  asked=$((asked + 1))
  if [ "$asked" -gt 2 ] && is_past "$power_seconds"; then record unasked "$1"; else tell_power "$1"; fi
}

# tell_power NAME: of somebody who can change it, whether he may run anything as root by sudo: as it says
# itself, (root) NOPASSWD: ALL; or is in a group that is declared trusted.
tell_power() {
  case $1 in
    root) return 0 ;;
    *[!A-Za-z0-9._@+\\-]* | -*)
      record unasked "$1"
      return
      ;;
  esac
  # With these it asks for another password than the person's own; the last line that matches decides.
  limit 5 sudo -n -l -U "$1" 2>/dev/null </dev/null | awk '
    /(targetpw|rootpw|runaspw)/ { asks_another = 1 }
    /!/ { found = 0 }
    /^[ \t]+\((ALL|root)( : [A-Za-z0-9_-]+)?\) ([A-Z_]+: )*ALL$/ { found = 1 }
    END { exit !found || asks_another }' && record sudoer "$1"
  its_groups=" $(id -G "$1" 2>/dev/null) "
  set -f
  for name in $trusted_users; do
    case $name in
      @*)
        number=$(number_of "${name#@}")
        # A group that is not there has none.
        case $its_groups in *" ${number:-none} "*) record declared "$1" ;; esac
        ;;
    esac
  done
  set +f
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

# Sets builders: those as whom alone Nix builds, each between newlines: of its group the accounts that have it
# as their first, and of which nobody has a home or can log in; others_build: who else is in that group; builders_gid: its number.
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
    printf '%s\naccounts\n%s\n' "$owned" "$accounts" | names=$names gid=$builders_gid awk '
      BEGIN { count = split(ENVIRON["names"], names, "\n") }
      $0 == "accounts" { in_accounts = 1; next }
      !in_accounts { owner[substr($0, index($0, " /") + 1)] = $3; next }
      {
        split($0, its, ":")
        # Those of an installer have that group first; of a Mac it is not told here.
        if (its[7] !~ /(nologin|false)$/ || (its[6] in owner && owner[its[6]] == its[3]) || \
          (its[4] != "" && its[4] != ENVIRON["gid"])) is_somebodys[its[1]] = 1
      }
      END { for (i = 1; i <= count; i++) print (names[i] in is_somebodys ? "-" : "+") names[i] }'
  ) || be_unread
  builders=$newline$(printf '%s\n' "$names" | sed -n 's/^+//p')$newline
  others_build=$(printf '%s\n' "$names" | sed -n 's/^-//p')
}
