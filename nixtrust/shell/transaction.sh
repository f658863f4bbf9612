# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with common.sh and the file behind it it is one script
# What all transactions have in common. Follows common.sh; the file behind it defines two functions:
#   take_back   what a failed transaction has done so far is undone
#   on_exit     tidies up, and says what came of it: outcome and outcome_words
# A lost connection ends nothing: the signals are ignored, and what is to say is said at the end.

tab_line() {
  printf '%s\t%s\t%s\n' "$1" "$2" "$3"
}

start() {
  outcome=failed outcome_words="the script ended early"
  trap '' HUP PIPE INT TERM
  trap on_exit EXIT
}

# conclude OUTCOME WORDS: says what came of it, once all is tidy; what failed leaves nothing behind.
conclude() {
  if [ "$1" = failed ]; then take_back; fi
  outcome=$1 outcome_words=$(printf '%s' "$2" | tr '\t\n' '  ')
  exit 0
}

# try COMMAND…: one that must succeed; its last word otherwise ends the transaction.
try() {
  words=$("$@" 2>&1 >/dev/null) || conclude failed "$(printf '%s\n' "$words" | sed -n '$p')"
}

# each STEP LIST: calls STEP with the fields of each line. Not by a here-document: some shells keep
# those in /tmp, which may be full.
each() {
  lines=$2
  while [ -n "$lines" ]; do
    line=${lines%%"$newline"*} lines=${lines#*"$newline"}
    set -f
    IFS=$tab
    # shellcheck disable=SC2086  # its fields
    set -- "$1" $line
    unset IFS
    set +f
    "$@"
  done
}

is_there() {
  [ -e "$1" ] || [ -h "$1" ]
}

# free_name PATH: sets free to it, or to it with a number behind it.
free_name() {
  free=$1 number=1
  while is_there "$free"; do
    number=$((number + 1))
    free=$1.$number
  done
}

# remove_ours FOLDER WHICH…: of the names of nixtrust's own in the folder those that find(1) finds so. Of
# what somebody fills meanwhile something is left; then it is closed first, from the top down.
# shellcheck disable=SC2016  # expanded by the shell that runs it
close_and_remove='
find "$1" -type d -exec chown 0 {} \; -exec chmod 700 {} \;
rm -rf "$1"'
remove_ours() {
  ours=$1/.
  shift
  find "$ours" ! -name . -prune -name '.nixtrust-*' "$@" -exec rm -rf {} + 2>/dev/null
  find "$ours" ! -name . -prune -name '.nixtrust-*' "$@" -type d \
    -exec sh -c "$close_and_remove" sh {} \; 2>/dev/null
}

# --- The lock -----------------------------------------------------------------------------------

# When a process began, which tells it from a later one with its number.
born() {
  if [ -r "/proc/$1/stat" ]; then
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
  else
    ps -o lstart= -p "$1" 2>/dev/null | tr -d ' '
  fi
}

# take_lock LINK: or the transaction ends. What dead ones had claimed beside it is nobody's then.
take_lock() {
  mine=$$:$(born $$)
  tries=0
  claim "$1"
  rm -rf "$1".*
}

# claim LINK: takes it, from a dead one if need be. Whoever takes a dead one's away has claimed just
# that first: of two that find it, the slower would otherwise take away the faster one's new lock.
claim() {
  until words=$(ln -s "$mine" "$1" 2>&1); do
    set -- "$1" "$(readlink "$1" 2>/dev/null)"
    if [ -n "$2" ]; then
      if [ "$(born "${2%%:*}")" = "${2#*:}" ]; then
        conclude busy "another run (process ${2%%:*}) is at work there"
      fi
      claim "$1.$2"
      if [ "$(readlink "$1" 2>/dev/null)" = "$2" ]; then rm -f "$1"; fi
      rm -f "$1.$2"
    fi
    tries=$((tries + 1))
    [ "$tries" -lt 20 ] || conclude failed "$words"
  done
}
