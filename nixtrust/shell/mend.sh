# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the files before it it is one script
# Makes what nixtrust writes root's alone. Behind transaction.sh; the controller appends calls of these
# steps, from the top down:
#
#   begin_mending FOLDER
#   close_folder               others can change it: now nobody else, and what is ours in it is gone
#   lock_folder
#   open_folder FILE…          members' Nix reads these there
#   renew FILE                 others can change it: a new file takes its name
#   open_file FILE             which members' Nix reads
#   finish_mending
#
# The old file stays as it is, whatever name or descriptor of it somebody has.

take_back() {
  [ -z "$new" ] || rm -f "$new"
}

on_exit() {
  [ -z "$lock" ] || rm -rf "$dir"/.nixtrust-new.* "$lock"
  {
    tab_line nixtrust write 1
    tab_line outcome "$outcome" "$outcome_words"
    tab_line end 2 ''
  } | mask_tokens
}

begin_mending() {
  dir=$1 lock='' new=''
  start
  umask 077
  if [ -h "$dir" ] || [ ! -d "$dir" ]; then conclude failed "$dir is no folder"; fi
}

# Its owner first, who could change the mode back. What others have put there must not be taken for
# what a run of nixtrust has left.
close_folder() {
  try chown 0 "$dir"
  if [ "$(uname -s)" = Darwin ]; then
    try chmod -N "$dir"
  elif command -v setfacl >/dev/null; then
    try setfacl -b "$dir"
  fi
  try chmod go-w "$dir"
  rm -rf "$dir"/.nixtrust-*
}

lock_folder() {
  take_lock "$dir/.nixtrust-lock"
  lock=$dir/.nixtrust-lock
}

# open_folder FILE…: in which members' Nix reads these. Whatever else is there everybody could read then.
open_folder() {
  known=$newline$lock$newline
  for file; do known=$known$file$newline; done
  for file in "$dir"/* "$dir"/.[!.]*; do
    case $known in *"$newline$file$newline"*) continue ;; esac
    # shellcheck disable=SC2012  # not the names
    case $(ls -ldn "$file" 2>/dev/null) in
      ???????r*) conclude failed "everybody could read $file then: close it, and run again" ;;
    esac
  done
  try chmod a+rx "$dir"
}

# renew FILE: with what it says, for those who could read it.
renew() {
  if [ ! -e "$1" ] && [ ! -h "$1" ]; then return; fi
  if [ -h "$1" ] || [ ! -f "$1" ]; then conclude failed "$1 is no regular file"; fi
  # shellcheck disable=SC2012,SC2046  # mode and group are read, not the names
  set -- "$1" $(ls -ldn "$1")
  mode=600 group=0
  case $2 in
    ???????r*) mode=644 ;;
    ????r*) mode=640 group=$5 ;;
  esac
  [ "$(head -c 1048577 "$1" | wc -c)" -le 1048576 ] || conclude failed "$1 is larger than 1 MiB"
  new=$(mktemp "$dir/.nixtrust-new.XXXXXX" 2>&1) || { words=$new new=''; conclude failed "$words"; }
  words=$({ cat "$1" >"$new"; } 2>&1) || conclude failed "$words"
  try chown "0:$group" "$new"
  try chmod "$mode" "$new"
  sync "$new" 2>/dev/null
  try mv -f "$new" "$1"
  new=''
}

# open_file FILE: which is root's alone. What a comment holds has not been sent.
open_file() {
  if [ ! -f "$1" ]; then return; fi
  words=$(awk '
    {
      hash = index($0, "#")
      if (hash) n = split(substr($0, hash + 1), word, /[ \t"=:]+/)
      for (i = 1; hash && i <= n; i++)
        if (length(word[i]) > 23 && word[i] ~ /[0-9]/ && word[i] !~ /\//) { print FNR; exit }
    }' "$1")
  [ -z "$words" ] || conclude failed "$1:$words: everybody could read this comment then, and it may hold a secret"
  try chmod a+r "$1"
}

finish_mending() {
  conclude 'done' ''
}
