# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with common.sh and transaction.sh it is one script
# Takes credentials out of files. Follows common.sh and transaction.sh; the controller appends calls
# of the steps below, in their order:
#
#   begin_removing             the lock
#   next_account NAME LEFT     as whom the files that follow are changed, and in whose folders alone;
#                              how many accounts are left, this one included
#   in_folder FOLDER           its real path; then of each of those that is to change
#   take_out NAME STAMP PROGRAM RANGES
#       STAMP     of the file when its credentials were found
#       PROGRAM   the shell that must accept what is left, if any
#       RANGES    the bytes that go, ascending, each as FROM:TO, without TO; none: the whole file
#   finish_removing
#
# The answer: a line for each file; the outcome; and how many lines that were. Each file is the whole
# old or the whole new one at any moment, and no other file gets anything of what is to go. Files do
# not depend on each other: each has its own result, done, changed (not the one that was looked at),
# refused (by PROGRAM) or failed.

# Seconds for all files; each account has an equal share of what is left of them when its turn comes, so
# that none takes from the others.
removal_seconds=240

begin_removing() {
  lock='' told='' count=0
  ends=$(($(date +%s) + removal_seconds))
  start
  # No ordinary user writes there, on Linux and on macOS.
  set -- /var/run/nixtrust-credentials-lock
  take_lock "$1"
  lock=$1
}

# What was done to a file is whole.
take_back() {
  :
}

on_exit() {
  [ -z "$lock" ] || rm -f "$lock" "$lock.time"
  {
    tab_line nixtrust remove 1
    # Where printf is no builtin, what it is given is limited.
    set -f
    IFS=$newline
    for line in $told; do printf '%s\n' "$line"; done
    unset IFS
    tab_line outcome "$outcome" "$outcome_words"
    printf 'end\t%s\n' "$((count + 2))"
  } | mask_tokens
}

# Sets owner and until when it has time, or why nothing can be done as that account.
next_account() {
  owner=$1 hindered='' now=$(date +%s)
  owner_ends=$((now + (ends - now) / $2))
  if ! id -u "$1" >/dev/null 2>&1; then
    hindered="failed${tab}$1 has no account there"
  fi
}

in_folder() {
  folder=$1
}

# What is said in a folder is the account's word, which may be anything: a line that could not be ours is none.
take_out() {
  said=$hindered seconds=$((owner_ends - $(date +%s)))
  if [ "$seconds" -le 0 ] && [ -z "$said" ]; then
    said="failed${tab}no time was left for what $owner has"
  elif [ -z "$said" ]; then
    [ "$seconds" -le 60 ] || seconds=60
    said=$(as_user_for "$seconds" "$owner" sh -c "$folder_rule$newline$within" sh "$PATH" "$accepted" "$lock.time" "$folder" "$@" 2>/dev/null)
    give_up_on "$owner" "$?"
    said=${said%%"$newline"*}
    is_known "$said" "$3" || said="failed${tab}what was begun as $owner did not come to its end"
  fi
  told=${told}file$tab${said%%"$tab"*}$tab$(printf '%s' "$folder/$1" | tr '\t\n' '  ')$tab${said#*"$tab"}$newline
  count=$((count + 1))
}

# is_known SAID PROGRAM: whether it is what is said in a folder below.
is_known() {
  case ${1#*"$tab"} in
    '') [ "$1" = "done$tab" ] ;;
    'it is not as it was found' | 'its folder is gone' | 'its folder is not as it was found')
      [ "${1%%"$tab"*}" = changed ]
      ;;
    "$2 does not accept the file without the line") [ "${1%%"$tab"*}" = refused ] ;;
    'No space left on device' | 'Disk quota exceeded' | 'Read-only file system' | 'Permission denied' | \
      'Operation not permitted' | 'Device or resource busy' | 'Input/output error' | \
      'its mode and owner cannot be kept' | 'its access control list cannot be kept' | \
      'its further attributes cannot be kept' | 'its folder cannot be entered' | \
      'others may write to its folder' | 'another name leads to the same file' | \
      'it belongs to somebody else' | 'it cannot be read' | 'no file can be made beside it' | \
      'what is left could not be written' | 'what is left could not be written whole' | \
      'rm failed' | 'chgrp failed' | 'chmod failed' | 'mv failed')
      [ "${1%%"$tab"*}" = failed ]
      ;;
    *) return 1 ;;
  esac
}

finish_removing() {
  conclude 'done' ''
}

# --- In a folder, as the account ----------------------------------------------------------------

# A program of its own behind folder_rule, which says RESULT and WORDS. Root must not write where somebody else may lay
# links: so the account does it whose folder it must be, from within, where no folder on the way can be swapped for a
# link any more. Of a file's bytes nothing gets into an argument or an answer.
# shellcheck disable=SC2016  # expanded by the shell that runs it
within='PATH=$1 accepted=$2 dated=$3 folder=$4 file=./$5 expected=$6 program=$7 ranges=$8
LC_ALL=C
export PATH LC_ALL
umask 077
# What a shell or a tool says there is no answer.
exec 2>/dev/null
new="" times=""

say() {
  printf "%s\t%s\n" "$1" "$2"
  exit 0
}

# Of what a tool says known sentences alone: others may have something in them that stands in a file.
fail() {
  for known in "No space left on device" "Disk quota exceeded" "Read-only file system" \
    "Permission denied" "Operation not permitted" "Device or resource busy" "Input/output error"; do
    case $1 in *"$known"*) say failed "$known" ;; esac
  done
  say failed "$2"
}

try() {
  words=$("$@" 2>&1 >/dev/null) || fail "$words" "$1 failed"
}

# As common.sh has it.
stamp() {
  stat -c "%d:%i:%s:%y:%z:%a:%u:%g" "$1" 2>/dev/null ||
    stat -f "%d:%i:%z:%Fm:%Fc:%Mp%Lp:%u:%g" "$1" 2>/dev/null
}

is_unchanged() {
  if [ -h "$file" ] || [ ! -f "$file" ] || [ "$(stamp "$file")" != "$expected" ]; then
    say changed "it is not as it was found"
  fi
}

# The end of a stamp: mode, owner and group.
attributes() {
  printf "%s\n" "${1#"${1%:*:*:*}"}"
}

# kept_between FROM TO: without TO. Not all know `head -c 0`.
kept_between() {
  if [ "$2" -le "$1" ]; then
    :
  elif [ "$1" -eq 0 ]; then
    head -c "$2" "$file"
  else
    tail -c "+$(($1 + 1))" "$file" 2>/dev/null | head -c "$(($2 - $1))"
  fi
}

kept() {
  at=0
  for range in $ranges; do
    kept_between "$at" "${range%:*}" || return
    at=${range#*:}
  done
  [ "$at" -ge "$size" ] || tail -c "+$((at + 1))" "$file"
}

# Sets left: how many bytes are to be kept. The last range may end one behind the last byte.
count_left() {
  left=$size
  for range in $ranges; do
    to=${range#*:}
    [ "$to" -le "$size" ] || to=$size
    left=$((left - to + ${range%:*}))
  done
}

# What the program says is not told: shells quote the line.
check() {
  [ -z "$program" ] || sh -c "$accepted" sh "$PATH" "$program" <"$new" ||
    say refused "$program does not accept the file without the line"
}

# Gives new the attributes of this file but for its mode.
keep_attributes() {
  if words=$(cp --attributes-only --preserve=all "$file" "$new" 2>&1); then return; fi
  case $words in
    *"unrecognized option"* | *"illegal option"* | *"invalid option"* | *"Unknown option"*) ;;
    *) fail "$words" "its mode and owner cannot be kept" ;;
  esac
  # Not GNU: cp -p would make a second one of the secret, which whoever kills it leaves there.
  group=${expected##*:}
  [ "$(stat -c %g "$new" 2>/dev/null || stat -f %g "$new")" = "$group" ] || try chgrp "$group" "$new"
  [ "$(besides "$new")" = "$(besides "$file")" ] || carry_over
}

# What macOS keeps of a file besides mode and owner, as its ls tells it: attributes and an access
# control list. Other tools that are not GNU tell of none, and their cp -p keeps none. The provenance
# is set by the system itself.
besides() {
  # shellcheck disable=SC2012  # not the name
  ls -lde@ "$1" 2>/dev/null | sed -e 1d -e /com.apple.provenance/d
}

carry_over() {
  # shellcheck disable=SC2012  # not the name
  list=$(ls -lde "$file" | sed -n "s/^ *[0-9][0-9]*: //p")
  if [ -n "$list" ]; then
    # shellcheck disable=SC2216  # macOS has it read a list
    words=$(printf "%s\n" "$list" | chmod -E "$new" 2>&1)
  else
    words=$(chmod -N "$new" 2>&1)
  fi || fail "$words" "its access control list cannot be kept"
  xattr "$file" | while IFS= read -r name; do
    [ "$name" = com.apple.provenance ] ||
      xattr -wx "$name" "$(xattr -px "$name" "$file" | tr -d " \n")" "$new"
  done 2>/dev/null
  [ "$(besides "$new")" = "$(besides "$file")" ] || say failed "its further attributes cannot be kept"
}

tidy() {
  [ -z "$new" ] || rm -f "$new"
  [ -z "$times" ] || { touch -r "$times" . && rm -f "$times"; } 2>/dev/null
}

trap "" HUP PIPE INT TERM
trap tidy EXIT
if ! cd -P "$folder" 2>/dev/null; then
  [ -e "$folder" ] || say changed "its folder is gone"
  say failed "its folder cannot be entered"
fi
# Whoever told of it may have lied about the folder. From here on nobody but this account and root can
# change what is in it: what a name leads to is what was laid under it.
here=$(stat -c %u . 2>/dev/null || stat -f %u .)
if [ "$(pwd -P)" != "$folder" ] || [ "$here" != "$(id -u)" ]; then
  say changed "its folder is not as it was found"
fi
! others_may_write . || say failed "others may write to its folder"
# Its time stays: that of a folder which Nix reads, of those of root, tells that a file is gone.
if [ "$(id -u)" = 0 ]; then times=$dated && touch -r . "$times"; fi
# Not the name of a candidate for a configuration (write.sh), which may lie in the same folder.
try rm -f ./.nixtrust.new.*
# One of these is all that was to go.
case $file in ./.nixtrust.new.*) say "done" "" ;; esac
is_unchanged
links=$(stat -c %h "$file" 2>/dev/null || stat -f %l "$file")
[ "$links" = 1 ] || say failed "another name leads to the same file"
if [ -z "$ranges" ]; then
  try rm -f "$file"
  say "done" ""
fi
# Root could make that of another account anew, in a folder of its own.
owner=${expected%:*}
[ "${owner##*:}" = "$here" ] || say failed "it belongs to somebody else"
size=$({ wc -c <"$file"; } 2>&1) || fail "$size" "it cannot be read"
size=$((size))
count_left
# Made with O_EXCL, and written through that one descriptor: with noclobber dash, bash, mksh and zsh open
# so what is not there, or is a file or a link to nothing. A link to a device or a fifo they would open
# all the same, so none may be there by now either. Nobody but this account could lay one, nor anything
# else in the place of what was written: so its name may be used from here on.
new=./.nixtrust.new.$$
set -C
# shellcheck disable=SC2094  # its name is asked about, and not read
{
  set +C
  if [ -h "$new" ] || [ ! -f "$new" ]; then say failed "no file can be made beside it"; fi
  keep_attributes
  words=$(kept 2>&1 >&3) || fail "$words" "what is left could not be written"
} 3>"$new" || {
  words=$({ : >"$new"; } 2>&1)
  fail "$words" "no file can be made beside it"
}
# Against a loss of power; where sync takes no file, rename alone has to do.
sync "$new" 2>/dev/null
[ "$(($(wc -c <"$new")))" -eq "$left" ] || say failed "what is left could not be written whole"
has_attributes() {
  [ "$(attributes "$(stamp "$new")")" = "$(attributes "$expected")" ]
}
# Whoever writes takes away what gives the right of an owner or group.
mode=$(attributes "$expected")
mode=${mode#:}
has_attributes || try chmod "${mode%%:*}" "$new"
has_attributes || say failed "its mode and owner cannot be kept"
check
is_unchanged
try mv -f "$new" "$file"
new=""
say "done" ""'
