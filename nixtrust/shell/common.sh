# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # the halves assign for each other, the controller for both
# What both scripts for machines begin with. POSIX sh: dash, bash --posix, mksh and zsh's sh run it,
# with GNU, BSD-like and toybox tools. The controller puts assignments in front:
#   block_begin, block_end   the two lines around nixtrust's block

LC_ALL=C
export LC_ALL
# The system's own: macOS's sudo leaves the login's PATH, and root must not run what somebody else may
# write, as Homebrew's /usr/local/bin. NixOS has no tools in /usr/bin.
login_path=$PATH
system_path=/usr/bin:/bin:/usr/sbin:/sbin:/run/current-system/sw/bin
PATH=$system_path
umask 022
# What is begun as somebody else could be asked for the folder that it stands in: /proc/PID/cwd.
cd /
tab=$(printf '\t')
newline='
'
# uid=0(root) gid=…
me=$(id)
my_uid=${me#uid=}
my_uid=${my_uid%%[!0-9]*}
me=${me#*\(}
me=${me%%\)*}
[ "$my_uid" = 0 ] || PATH=$PATH:/usr/local/bin:$login_path

# limit SECONDS COMMAND…: ends a command that hangs.
limit() {
  if timeout=$(command -v timeout) && [ ! -h "$timeout" ]; then
    # KILL: the script that writes ignores the other signals, and so does what it starts.
    timeout -s KILL "$@"
  else
    sh -c "$limited" sh "$@"
  fi
}

# limit_apart SECONDS COMMAND…: in a session of its own, which has no terminal that somebody could
# type into (ioctl_tty(2), TIOCSTI). The limit is within it, and so is all that the command begins.
limit_apart() {
  if ! session=$(command -v setsid); then
    limit "$@"
  elif timeout=$(command -v timeout) && [ ! -h "$timeout" ]; then
    "$session" "$timeout" -s KILL "$@"
  else
    "$session" sh -c "$limited" sh "$@"
  fi
}

# Where there is no timeout(1), as on macOS, or one that is a link: that of toybox 0.8 fails at random
# where the command ends at once. The watcher holds no pipe, and outlives the command by a
# second at most. What is begun in the background would have nothing on its standard input. With the
# command all goes that it has begun, as with timeout(1).
# shellcheck disable=SC2016  # expanded by the shell that runs it
kill_all='
  # shellcheck disable=SC2046  # numbers
  kill -9 "$command" $(
    ps -A -o pid= -o ppid= | awk -v command="$command" "
      { above[\$1] = \$2 }
      END {
        for (each in above) {
          top = above[each]
          for (n = 0; n < 99 && top != command && top in above; n++) top = above[top]
          if (top == command) print each
        }
      }"
  )'
# shellcheck disable=SC2016  # expanded by the shell that runs it
limited='left=$1
shift
exec 3<&0
"$@" <&3 3<&- &
command=$!
exec 3<&-
{
  while [ "$left" -gt 0 ] && kill -0 "$command"; do
    sleep 1
    left=$((left - 1))
  done
  [ "$left" -gt 0 ] || {'"$kill_all"'
  }
} >/dev/null 2>&1 &
wait "$command"'

# within SECONDS FUNCTION: ends a function of this script, with all that it has begun. Its end closes
# the pipe on 5, which nobody else is to have.
within() {
  {
    {
      # shellcheck disable=SC2016  # expanded there
      sh -c 'echo "$PPID"'
      "$2" 5>&1 >&4 4>&-
    } | {
      read -r command
      limit "$1" cat >/dev/null || eval "$kill_all"
    } 4>&-
  } 4>&1
}

# A part of the answer could not be had, as where a program was killed: then there is none at all, since
# its last record is missing.
be_unread() {
  exit 1
}

# be_unread_if STATUS FILE…: if what has read these files failed, and not because one of them is gone.
be_unread_if() {
  [ "$1" -ne 0 ] || return 0
  [ "$1" -le 128 ] || be_unread
  shift
  for file; do
    [ -r "$file" ] || return 0
  done
  be_unread
}

# The file a path leads to, links followed, of which Linux takes 40; macOS before 12.3 has no
# readlink -f.
real_path() {
  real=$1
  hops=0
  while [ -h "$real" ] && [ "$hops" -lt 40 ]; do
    hop=$(readlink "$real") || break
    case $hop in
      /*) real=$hop ;;
      *) real=${real%/*}/$hop ;;
    esac
    hops=$((hops + 1))
  done
  printf '%s\n' "$real"
}

# Sets folder: the nearest one above a path that is there, or nothing.
nearest_folder() {
  folder=$1
  while folder=${folder%/*} && [ -n "$folder" ] && [ ! -d "$folder" ]; do
    case $folder in */*) ;; *) folder='' ;; esac
  done
}

# What tells that a file is still the one that was looked at. GNU and toybox, then BSD.
stamp_format='%d:%i:%s:%y:%z:%a:%u:%g'
stamp() {
  if [ ! -e "$1" ] && [ ! -h "$1" ]; then
    echo absent
  else
    stat -c "$stamp_format" "$1" 2>/dev/null ||
      stat -f '%d:%i:%z:%Fm:%Fc:%Mp%Lp:%u:%g' "$1" 2>/dev/null
  fi
}

# What Nix or the daemon says, without anything that was written into a file: Nix quotes the lines
# and values that it refuses. Only known sentences pass.
words() {
  sed -n \
    -e "s/.*\(illegal configuration line\) '.*' in '*\([^']*\)'*.*/\1 in \2/p;t" \
    -e "s/.*\(syntax error in configuration line\) '.*' in \(.*\)/\1 in \2/p;t" \
    -e "s/.*[Ss]etting '\([a-z0-9-]*\)' has invalid value.*/setting '\1' has an invalid value/p;t" \
    -e "s/.*option '\([a-z0-9-]*\)' has invalid value.*/setting '\1' has an invalid value/p;t" \
    -e "s/.*setting '\([a-z0-9-]*\)' should be .*/setting '\1' has an invalid value/p;t" \
    -e "s/.*Cannot parse Nix store.*/a store address that Nix cannot parse/p;t" \
    -e "s/.*\(unknown setting '[a-z0-9-]*'\).*/\1/p;t" \
    -e "s/.*\(unknown experimental feature '[a-z0-9-]*'\).*/\1/p;t" \
    -e "s/.*\([Ii]gnoring setting '[a-z0-9-]*' because.*\)/\1/p;t" \
    -e "s/.*\(file ['\"].*['\"] included from ['\"].*['\"] not found\).*/\1/p;t" \
    -e "s/.*\(cannot connect to socket at .*\)/\1/p;t" \
    -e "s/.*\(cannot connect to daemon at .*\)/\1/p;t" \
    -e "s/.*\(unexpected end-of-file\).*/\1/p;t" \
    -e "s/.*\(Nix daemon disconnected unexpectedly\).*/\1/p;t" \
    -e "s/.*\(nix-daemon.service: .*\)/\1/p;t" | tr "$tab" ' '
}

# as_user_for SECONDS NAME COMMAND…: what it says, on either channel, and its status; 137 if it hangs.
# The limit is not that user's, who could stop it. Nor is anything of ours waited for longer that the
# user's processes can hold: they say it into a pipe whose reader has a limit too.
stuck=' '
as_user_for() {
  if [ "$2" = "$me" ]; then
    begin_as "$@"
    return
  fi
  case $stuck in *" $2 "*) return 137 ;; esac
  {
    said_status=$(
      {
        {
          begin_as "$@" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
          echo "$?" >&3
        } | limit "$(($1 + 1))" head -c 1048576 >&4 3>&- 4>&- 5>&- || echo 137 >&3
      } 3>&1
    )
  } 4>&1
  return "${said_status##*"$newline"}"
}

# give_up_on NAME STATUS: as somebody whose process came to no end none is begun again.
give_up_on() {
  [ "$2" -ne 137 ] || stuck="$stuck$1 "
}

# setpriv and runuser are util-linux's; macOS has sudo. Where setpriv is a link, to toybox or busybox,
# it knows less. It becomes the command; the others stay above it, and to end them does not end it,
# so that they need a limit within as well.
begin_as() {
  as_seconds=$1 as_name=$2
  shift 2
  # Root's environment goes before the account changes: its processes' can be read in /proc.
  if [ "$as_name" = "$me" ]; then
    limit "$as_seconds" "$@"
  elif setpriv=$(command -v setpriv) && [ ! -h "$setpriv" ]; then
    limit_apart "$as_seconds" env -i PATH="$PATH" LC_ALL=C setpriv --reuid "$as_name" --regid "$(id -g "$as_name")" --init-groups "$@"
  elif command -v runuser >/dev/null 2>&1; then
    limit_apart "$((as_seconds + 1))" env -i PATH="$PATH" LC_ALL=C runuser -u "$as_name" -- sh -c "$limited" sh "$as_seconds" "$@"
  else
    limit_apart "$((as_seconds + 1))" env -i PATH="$PATH" LC_ALL=C sudo -n -u "$as_name" sh -c "$limited" sh "$as_seconds" "$@"
  fi
}

# sh -c "$accepted" sh PATH PROGRAM: whether this shell, without its configuration, says that it can
# read what is on standard input. Where there is no such shell, nobody objects. It is looked for where
# people have it whose PATH this is not: from Homebrew, MacPorts or Nix, or as their login shell.
# shellcheck disable=SC2016  # expanded by the shell that runs it
accepted='PATH=$1 program=$2
export PATH
me=$(id -u):$(id -un)
is_there() {
  [ -f "$1" ] && [ -x "$1" ] || return
  shell=$1
  case $me:$1 in
    0:*:/bin/* | 0:*:/usr/bin/*) ;;
    0:*) belongs_to_root ;;
  esac
}
# Root runs what nobody else can change, on no way: as the file that a link leads to.
belongs_to_root() {
  while [ -h "$shell" ]; do
    case $(readlink "$shell") in
      /*) shell=$(readlink "$shell") ;;
      *) shell=${shell%/*}/$(readlink "$shell") ;;
    esac
  done
  shell=$(cd -P "${shell%/*}" && pwd -P)/${shell##*/}
  way=$shell
  set -- "$shell" /
  while way=${way%/*} && [ -n "$way" ]; do set -- "$@" "$way"; done
  # shellcheck disable=SC2012  # not the names
  ls -ldn "$@" | awk "\$3 != 0 || (\$1 ~ /^.....w|^........w/ && \$1 !~ /[tT]/) { exit 1 }"
}
find_shell() {
  case ${me#*:} in *[!A-Za-z0-9._-]*) home=/nonexistent ;; *) eval "home=~${me#*:}" ;; esac
  folders=$PATH:/usr/local/bin:/opt/homebrew/bin:/opt/local/bin:/nix/var/nix/profiles/default/bin
  folders=$folders:/etc/profiles/per-user/${me#*:}/bin:$home/.nix-profile/bin:$home/.local/state/nix/profile/bin
  set -f
  IFS=:
  for folder in $folders; do
    unset IFS
    if is_there "$folder/$1"; then return; fi
  done
  unset IFS
  login=$(getent passwd "${me#*:}" 2>/dev/null || dscl . -read "/Users/${me#*:}" UserShell 2>/dev/null)
  login=${login##*[: ]}
  [ "${login##*/}" = "$1" ] && is_there "$login"
}
can_read() {
  said=$(env -i PATH="$PATH" HOME=/nonexistent XDG_CONFIG_HOME=/nonexistent "$shell" "$@" 2>&1)
}
find_shell "$program" || exit 0
case $program in
  fish)
    # fish before 3.5 does not know it.
    if can_read --no-config -n </dev/null; then can_read --no-config -n; else can_read -n; fi
    ;;
  zsh)
    # Its status is also that of a `!` which it does not run.
    said=$(env -i PATH="$PATH" HOME=/nonexistent "$shell" -f -n 2>&1 >/dev/null) || [ -z "$said" ]
    ;;
  # Of some errors bash tells, and succeeds: [[ a b c ]].
  *) can_read -n && [ -z "$said" ] ;;
esac'

# nix_as NAME CONF_DIR ARGUMENT…: with the configuration in CONF_DIR and nobody's own, because a
# user's own nix.conf can crash Nix or hang it.
nix_seconds=20
nix_as() {
  nix_name=$1 nix_conf_dir=$2
  shift 2
  as_user_for "$nix_seconds" "$nix_name" env -i PATH="$PATH" HOME=/nonexistent LC_ALL=C NIX_USER_CONF_FILES= \
    XDG_CONFIG_DIRS=/nonexistent NIX_CONF_DIR="$nix_conf_dir" "$nix" "$@"
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

# --- The daemon -------------------------------------------------------------------------------

# Sets manager (systemd, launchd, none), unit, daemon (its program), kill_mode and conf_dir; daemon_files
# to what it is started by and runs with, paths among other lines.
find_daemon() {
  daemon_files='' overrides='' manager=none unit='' daemon='' kill_mode='' daemon_pid='' daemon_started='' daemon_state=''
  conf_dir=/etc/nix
  if [ -d /run/systemd/system ]; then
    # us+utc: systemd 247 and later; before that, whole seconds.
    shown=$newline$(show_unit --timestamp=us+utc || show_unit)
    read_shown LoadState
    if [ "$value" = loaded ]; then
      manager=systemd unit=nix-daemon.service
      read_shown ExecStart
      value=${value#'{ path='}
      daemon=${value%%[ ;]*}
      find_files_of_unit
      read_shown KillMode
      kill_mode=$value
      read_shown ActiveState
      daemon_state=$value
      read_shown MainPID
      daemon_pid=$value
      read_shown ExecMainStartTimestamp
      case $value in
        '' | *.*' UTC') daemon_started=$value ;;
        *) daemon_started=$(date -d "$value" +%s 2>/dev/null) ;;
      esac
      # What systemd gives to all that it starts, one that runs is asked about below.
      [ "${daemon_pid:-0}" != 0 ] || find_variables "$(limit 5 systemctl show-environment 2>/dev/null)"
      find_overrides_of_unit
    fi
  elif [ "$(uname -s)" = Darwin ]; then
    for label in systems.determinate.nix-daemon org.nixos.nix-daemon; do
      plist=/Library/LaunchDaemons/$label.plist
      [ -e "$plist" ] || continue
      manager=launchd unit=$label
      daemon=$({ daemon_of_plist <"$plist"; } 2>/dev/null) || be_unread
      daemon_files=$plist$newline$({ words_of_plist <"$plist"; } 2>/dev/null)
      { find_overrides_of_plist <"$plist"; } 2>/dev/null
      shown=$(limit 5 launchctl print "system/$label" 2>/dev/null)
      daemon_state=$(printf '%s\n' "$shown" | sed -n 's/^[[:space:]]*state = //p' | sed -n 1p)
      daemon_pid=$(printf '%s\n' "$shown" | sed -n 's/^[[:space:]]*pid = //p' | sed -n 1p)
      [ -z "$daemon_pid" ] || daemon_started=$(
        date -j -f '%a %b %d %T %Y' "$(ps -o lstart= -p "$daemon_pid" | sed 's/ *$//')" +%s 2>/dev/null)
      break
    done
  fi
  # Another service manager's: the first of its processes; each connection has one more.
  if [ "$manager" = none ] && [ -S /nix/var/nix/daemon-socket/socket ]; then
    pid=''
    for pid in $(ps -A -o pid= -o uid= -o comm= 2>/dev/null |
      awk '$2 == 0 && $3 ~ /(^|\/)nix-daemon$/ { print $1 }'); do
      if is_nix "$pid" && ! is_a_containers "$pid"; then break; fi
      pid=''
    done
    daemon_pid=$pid
    began=${daemon_pid:+$(ps -o lstart= -p "$daemon_pid" 2>/dev/null)}
    [ -z "$began" ] || daemon_started=$(date -d "$began" +%s 2>/dev/null)
  fi
  # What it was started with may come from elsewhere: systemd's DefaultEnvironment=, a shell. What a
  # service manager says holds from the next start on.
  if [ -n "$daemon_pid" ]; then
    stated=$conf_dir
    # One that is being restarted may be gone by now: /proc still names it, and opening fails.
    words=$({ tr '\0\n' '\n ' <"/proc/$daemon_pid/environ"; [ "$?" -gt 128 ] || echo WHOLE=; } 2>/dev/null |
      sed -n 's/^\([A-Z_]*=[^ ]*\).*/\1/p')
    case $words in *WHOLE=) ;; *) be_unread ;; esac
    find_variables "$words"
    if [ "$manager" != none ] && [ "$conf_dir" != "$stated" ]; then
      conf_dir=$stated overrides="$overrides NIX_CONF_DIR"
    fi
  fi
}

# is_nix PID: by its program, which may have been replaced since. Anybody may call a process so, one of
# setuid root too.
is_nix() {
  program=$(readlink "/proc/$1/exe" 2>/dev/null)
  case ${program%' (deleted)'} in
    */nix-daemon | */nix | */determinate-nixd) ;;
    *) return 1 ;;
  esac
}

# Whether a process is known to be in another pid namespace than this one.
is_a_containers() {
  its=$(readlink "/proc/$1/ns/pid" 2>/dev/null) && [ "$its" != "$(readlink /proc/self/ns/pid)" ]
}

# find_variables WORDS: adds to overrides the names of the variables that configure the daemon besides
# files, of words that may set some, a line each, and to daemon_files the paths that such name.
# NIX_CONF_DIR is followed. NixOS/nix src/libstore/globals.cc, src/libutil/users.cc.
find_variables() {
  root_home=~root
  set -f
  IFS=$newline
  for word in $1; do
    word=${word#[\"\']}
    case $word in
      NIX_CONF_DIR=*)
        word=${word#*=}
        word=${word#'&quot;'}
        word=${word#[\"\']}
        case $word in /*) conf_dir=${word%%[\"\'\& ]*} ;; esac
        ;;
      "HOME=$root_home" | HOME=/ | XDG_CONFIG_DIRS=/etc/xdg) ;;
      # What it comes to without.
      NIX_REMOTE= | NIX_REMOTE=auto | NIX_REMOTE=local) ;;
      NIX_REMOTE=* | NIX_CONFIG=* | NIX_CONFIG_HOME=* | NIX_USER_CONF_FILES=* | XDG_CONFIG_[A-Z]*=* | HOME=*)
        overrides="$overrides ${word%%=*}"
        ;;
      # What its programs load, and where it looks for its own and its store.
      LD_*=?* | DYLD_*=?* | NIX_[A-Z]*_DIR=?* | NIX_STORE=?*) overrides="$overrides ${word%%=*}" ;;
    esac
    case $word in
      # systemd's socket is everybody's, and what a login leaves tells of who logged in.
      NOTIFY_SOCKET=* | HOME=* | PWD=* | OLDPWD=* | MAIL=* | SUDO_*=* | SSH_*=* | DBUS_*=* | XDG_RUNTIME_DIR=*) ;;
      [A-Z]*=*/*) add_daemon_files "${word#*=}" ;;
    esac
  done
  unset IFS
  set +f
}

# add_daemon_files VALUE: each path in it.
add_daemon_files() {
  rest=$1
  while [ -n "$rest" ]; do
    part=${rest%%[=:,\"\' ]*}
    case $part in /*) daemon_files=$daemon_files$newline$part ;; esac
    rest=${rest#"$part"}
    rest=${rest#?}
  done
}

# find_flags WORDS: adds to overrides the flags among the daemon's arguments, a line each. --nix-bin is
# determinate-nixd's: where its Nix lies.
find_flags() {
  last=''
  set -f
  IFS=$newline
  for word in $1; do
    case $last:$word in
      --nix-bin:/*) daemon=$word/nix-daemon ;;
      *:--daemon | *:--nix-bin | *:--*[!a-z-]*) ;;
      *:--[a-z]*) overrides="$overrides $word" ;;
    esac
    last=$word
  done
  unset IFS
  set +f
}

find_files_of_unit() {
  set -f
  IFS=$newline
  for line in $shown; do
    case $line in Path=*) daemon_files=$daemon_files$newline${line#Path=} ;; esac
  done
  unset IFS
  set +f
}

# part_words TEXT: sets words to those that blanks part, a line each.
part_words() {
  words=''
  set -f
  for word in $1; do words=$words$word$newline; done
  set +f
}

find_overrides_of_unit() {
  read_shown Environment
  part_words "$value"
  find_variables "$words"
  read_shown EnvironmentFiles
  [ -z "$value" ] || overrides="$overrides EnvironmentFile"
  read_shown Elsewhere
  overrides="$overrides $value"
  read_shown ExecStart
  value=${value#*'argv[]='}
  part_words "${value%%' ; ignore_errors='*}"
  find_variables "$words"
  find_flags "$words"
}

find_overrides_of_plist() {
  words=$(words_of_plist) || be_unread
  find_variables "$words"
  find_flags "$words"
}

# The words of a launchd plist's arguments, a line each, and NAME=VALUE of its variables.
words_of_plist() {
  { tr '\n<' ' \n' && printf '\nwhole>'; } | awk '
    /^whole>/ { whole = 1 }
    /^key>/ { key = substr($0, 5) }
    /^string>/ {
      n = split(substr($0, 8), word, " ")
      if (key ~ /^[A-Z_]+$/) print key "=" substr($0, 8)
      else {
        if (n > 1) print substr($0, 8)
        for (i = 1; i <= n; i++) print word[i]
      }
      key = ""
    }
    END { exit !whole }'
}

# The daemon's program: the one that is run last, or beside the Nix that determinate-nixd is given.
daemon_of_plist() {
  awk '
    is_bin && match($0, />\/[^<]*</) { found = substr($0, RSTART + 1, RLENGTH - 2) "/nix-daemon" }
    { is_bin = $0 ~ /<string>--nix-bin<\/string>/ }
    !is_bin && match($0, /[ >]\/[^ <>;]*\/nix-daemon[ <;]/) { found = substr($0, RSTART + 1, RLENGTH - 2) }
    END { if (found != "") print found }'
}

# show_unit FLAG…: what systemd knows of the daemon's units: of the service each property that is read by
# its name; as Path= each path in any property of service and socket, a line each; as Elsewhere= the
# properties by which the daemon has other files, or another account, than whoever looks at them.
show_unit() {
  its=$(limit 5 systemctl show "$@" nix-daemon.service nix-daemon.socket 2>/dev/null) || return
  printf '%s\n' "$its" | awk '
    BEGIN { by_name = "^(LoadState|ExecStart|KillMode|ActiveState|MainPID|ExecMainStartTimestamp|Environment|EnvironmentFiles)=" }
    $0 == "" { is_socket = 1 }
    !is_socket && $0 ~ by_name
    /^(ControlGroup|Documentation|Environment|Listen|RequiresMountsFor)=/ { next }
    # What is closed, or is there at all, leads to nothing.
    /^(Inaccessible|ReadOnly|ReadWrite|Exec|NoExec)(Paths|Directories)=/ { next }
    {
      name = value = $0
      sub(/=.*/, "", name)
      sub(/^[^=]*=/, "", value)
    }
    !is_socket && value != "" && (name ~ /^(Root(Directory|Image)|Bind(ReadOnly)?Paths|TemporaryFileSystem)$/ || \
      name ~ /^(MountImages|Extension(Images|Directories))$/ || name == "User" && value != "root") {
      elsewhere = elsewhere " " name
    }
    value ~ /^{ path=/ {
      program = substr(value, 8)
      sub(/ ; argv\[\]=.*/, "", program)
      print "Path=" program
      sub(/.* ; argv\[\]=/, "", value)
      sub(/ ; (ignore_errors|flags)=.*/, "", value)
      n = split(value, words, /[][(){}<>|&;,:"\047`=$ ]+/)
      for (i = 1; i <= n; i++) if (words[i] ~ /^\//) print "Path=" words[i]
      next
    }
    # A path may have a blank in it.
    {
      n = split(" " value, words, / [-+!@|:]*\//)
      for (i = 2; i <= n; i++) {
        sub(/ \(.*\)$/, "", words[i])
        if (name ~ /^Bind/) sub(/:.*/, "", words[i])
        print "Path=/" words[i]
      }
    }
    END { print "Elsewhere=" substr(elsewhere, 2) }'
}

# read_shown PROPERTY: sets value to what systemctl has shown of it, or to nothing.
read_shown() {
  value=''
  case $shown in
    *"$newline$1="*)
      value=${shown#*"$newline$1="}
      value=${value%%"$newline"*}
      ;;
  esac
}

# Sets store_owner: whose the store is, root's, or with a single-user installation a person's.
find_store_owner() {
  # shellcheck disable=SC2012,SC2046  # of the words, the owner's name alone is read
  set -- $(ls -ld /nix/store 2>/dev/null)
  store_owner=${3:-}
}

home_of() {
  case $1 in
    '' | *[!A-Za-z0-9._-]*) echo /nonexistent ;;
    *) eval "printf '%s\n' ~$1" ;;
  esac
}

# Sets nix to the nix that belongs to the daemon, or the first there is: a command over SSH on macOS
# has none of these in PATH. Sets nix_state: present, absent, unmounted (/nix, but no store), or
# changeable (by others, so that root does not run it: refused_nix), and nix_user: who runs it. What is
# in a person's own store must not run as root.
find_nix() {
  nix='' refused_nix='' all_refused='' nix_state=absent nix_user=$me
  find_store_owner
  if [ "$my_uid" = 0 ] && [ "$manager" = none ] && [ -n "$store_owner" ] && \
    [ ! -S /nix/var/nix/daemon-socket/socket ]; then
    nix_user=$store_owner
  fi
  home=$(home_of "$nix_user")
  for bin in "${daemon%/*}" /nix/var/nix/profiles/default/bin /run/current-system/sw/bin /usr/bin \
    /usr/local/bin "$home/.nix-profile/bin" "$home/.local/state/nix/profile/bin"; do
    if [ -z "$bin" ] || [ ! -x "$bin/nix" ]; then continue; fi
    if [ "$my_uid" != 0 ] || [ "$nix_user" != "$me" ] || may_run "$bin/nix"; then
      nix=$bin/nix nix_state=present
      break
    fi
    nix_state=changeable refused_nix=${refused_nix:-$bin/nix} all_refused=$all_refused$bin/nix$newline
  done
  [ "$nix_state" != absent ] || [ ! -d /nix ] || [ -d /nix/store ] || nix_state=unmounted
}

# may_run PATH: whether root alone can change what root would run by this path: that, each folder on the
# way, and each link. In a sticky folder others cannot change what is root's.
may_run() {
  is_roots_alone "$1" || return 1
  # It may be a text, and what is run is something else then.
  [ "$(head -c 2 "$1" 2>/dev/null)" = '#!' ] || return 0
  set -f
  for word in $(head -c 1024 "$1" | sed 's/^#!//; q'); do
    case $word in /*) is_roots_alone "$word" ;; esac || break
    word=''
  done
  set +f
  [ -z "$word" ]
}

# is_roots_alone PATH
is_roots_alone() {
  at='' rest=${1#/}/ hops=0
  set -- /
  while [ -n "$rest" ]; do
    name=${rest%%/*} rest=${rest#*/}
    case $name in
      '' | .) continue ;;
      ..)
        at=${at%/*}
        continue
        ;;
    esac
    set -- "$@" "$at/$name"
    if [ ! -h "$at/$name" ]; then
      at=$at/$name
      continue
    fi
    hops=$((hops + 1))
    [ "$hops" -le 40 ] && target=$(readlink "$at/$name") || return 1
    case $target in /*) at='' ;; esac
    rest=${target#/}/$rest
  done
  # With -q no name makes a line more. Behind a + the group's letters are those of a list.
  # shellcheck disable=SC2012  # not the names
  gids=$(ls -ldnq "$@" 2>/dev/null | awk -v count="$#" '
    $3 != 0 || ($1 ~ /^[^l].......w|^[^l]....w.*[+]$/ && $1 !~ /^d........[tT]/) { others = 1 }
    $1 ~ /^[^l]....w/ && $1 !~ /^d........[tT]/ { print $4 }
    END { exit others || NR != count }') || return 1
  for gid in $gids; do is_nobodys "$gid" || return 1; done
}

# Sets version (what Nix says of itself), ask and show (how it is asked of its daemon, and of its
# settings). A nix.conf that Nix refuses ends even --version, so none is read. NixOS/nix: `store ping`
# is `store info` from 2.19, has --json from 2.14 and `trusted` in it from 2.15; `show-config` is
# `config show` from 2.20; Lix kept the older names. Its line stands among what else it says.
find_version() {
  version=$newline$(nix_as "$nix_user" /nonexistent --version 2>/dev/null)
  version=${version#*"${newline}nix "}
  version="nix ${version%%"$newline"*}"
  case $version in
    *Lix*) minor=18 ;;
    *' 2.'*)
      minor=${version##*' 2.'}
      minor=${minor%%[!0-9]*}
      ;;
    *) minor=99 ;;
  esac
  ask=ping show=show-config
  [ "$minor" -lt 14 ] || ask='ping --json'
  [ "$minor" -lt 19 ] || ask='info --json'
  [ "$minor" -lt 20 ] || show='config show'
}

# ask_daemon NAME: what the live daemon answers to this user. Nix loads the plugins that its configuration
# names: one that others can change root's own Nix must not read.
ask_daemon() {
  # shellcheck disable=SC2086  # verb and flag
  nix_as "$1" "${asking_conf_dir:-$conf_dir}" --extra-experimental-features nix-command store $ask --store daemon
}
