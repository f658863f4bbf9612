# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the files before it it is one script
# The files of a transaction take their places, and leave them again. Follows write.sh.

# copy FROM TO: whole at any moment. Not another name for the same: that would change the time of its
# last change, and the daemon would seem to be older than the file.
copy() {
  rm -f "$dir/.nixtrust-new.copy"
  try cp -a "$1" "$dir/.nixtrust-new.copy"
  sync "$dir/.nixtrust-new.copy" 2>/dev/null
  try mv -f "$dir/.nixtrust-new.copy" "$2"
}

# keep_without FILE STAMP RANGES: bytes that are not to be in its original, as ranges that
# without_ranges takes; where they are was found in the file of this stamp.
keep_without() {
  is_unchanged "$1" "$2"
  unkept=$unkept$1$tab$3$newline
}

# Sets ranges: what is not to be in the original of a file.
find_unkept() {
  case $newline$unkept in
    *"$newline$1$tab"*)
      ranges=$newline$unkept
      ranges=${ranges#*"$newline$1$tab"} ranges=${ranges%%"$newline"*}
      ;;
    *) ranges='' ;;
  esac
}

announce_restart() {
  if [ -e "$pending" ]; then return; fi
  words=$({ : >"$pending"; } 2>&1) || conclude failed "$words"
  announced=$pending$newline
}

# note LINE: where a restart is due, for the run that makes up for it.
note() {
  if [ ! -e "$pending" ]; then return; fi
  words=$({ printf '%s\n' "$1" >>"$pending"; } 2>&1) || conclude failed "$words"
}

# copy_without FILE CANDIDATE STAMP: as copy does, without the ranges.
copy_without() {
  rm -f "$dir/.nixtrust-new.copy"
  try cp -a "$1" "$dir/.nixtrust-new.copy"
  # What somebody has just laid there may be a link, which would be written through.
  [ -h "$dir/.nixtrust-new.copy" ] || without_ranges "$ranges" "$1" "$dir/.nixtrust-new.copy"
  try touch -r "$1" "$dir/.nixtrust-new.copy"
  sync "$dir/.nixtrust-new.copy" 2>/dev/null
  [ "$(stamp "$1")" = "$3" ] || take_back
  is_unchanged "$1" "$3"
  try mv -f "$dir/.nixtrust-new.copy" "$1.before-nixtrust"
}

keep_originals() {
  each keep_original "$changes"
}

# keep_original FILE CANDIDATE STAMP. A file with our block in it is none: there was no file before.
keep_original() {
  if [ ! -e "$1" ] || [ -e "$1.before-nixtrust" ] || grep -qsF "$block_begin" "$1"; then return; fi
  note "made$tab$1.before-nixtrust"
  find_unkept "$1"
  if [ -n "$ranges" ]; then copy_without "$@"; else copy "$1" "$1.before-nixtrust"; fi
  made=$made$1.before-nixtrust$newline
}

put_in_place() {
  each put "$changes"
}

put() {
  old=$dir/.nixtrust-old.${1##*/} mode=''
  if [ -e "$1" ]; then
    copy "$1" "$old"
    mode=$(stat -c %a "$1" 2>/dev/null || stat -f %Mp%Lp "$1")
  else
    rm -f "$old"
    try ln -s absent "$old"
  fi
  if is_ours "$1"; then
    note "put$tab$1$tab$(identity "$2")"
    note "put$tab$1$tab$(identity "$old")"
  fi
  # It may hold a credential that the new one has no more.
  if [ -n "$mode" ]; then
    note "was$tab$1$tab$mode"
    try chmod go= "$old"
  fi
  if [ -e "$2" ]; then
    try mv -f "$2" "$1"
  else
    try rm -f "$1"
  fi
  kept=$kept$1$tab$old$tab$mode$newline
}

# A file's stamp without the time of its last change, which its rename is.
identity() {
  stat -c '%d:%i:%s:%y:%a:%u:%g' "$1" 2>/dev/null || stat -f '%d:%i:%z:%Fm:%Mp%Lp:%u:%g' "$1" 2>/dev/null
}

# is_ours FILE: nobody else has changed it since the daemon last answered.
is_ours() {
  good=$dir/.nixtrust-good.${1##*/}
  is_there "$good" || good=$dir/.nixtrust-old.${1##*/}
  [ ! -e "$1" ] || cmp -s "$1" "$good" ||
    grep -qxF "put$tab$1$tab$(identity "$1")" "$pending" 2>/dev/null
}

# What was in place before this run is again, and what it made is gone. Each but once: a failure
# within ends here too.
take_back() {
  set -- "$kept" "$made" "$announced"
  kept='' made='' announced=''
  each put_back "$1"
  each rm_file "$2$3"
}

# put_back FILE OLD MODE: none where it is known to be that of OLD.
put_back() {
  if [ -h "$2" ]; then
    rm -f "$1" "$2"
  else
    [ -z "${3-}" ] || chmod "$3" "$2"
    mv -f "$2" "$1"
  fi
}

# first_mode FILE: what it had before the first of the runs whose restart is due.
first_mode() {
  path=$1 awk -F "$tab" '$1 == "was" && $2 == ENVIRON["path"] { print $3; exit }' "$pending"
}

# Of the names that a file holds only what a run has made.
rm_original() {
  case ${1#"$dir/"} in
    */*) ;;
    *.before-nixtrust) rm -f "$dir/${1#"$dir/"}" ;;
  esac
}

rm_file() {
  rm -f "$1"
}

# What the daemon last answered with: as it was before the first of the runs whose restart is due.
old_is_good() {
  for old in "$dir"/.nixtrust-old.*; do
    if ! is_there "$old"; then continue; fi
    good=$dir/.nixtrust-good.${old#"$dir"/.nixtrust-old.}
    if is_there "$good"; then rm -f "$old"; else try mv -f "$old" "$good"; fi
  done
}

has_good() {
  for good in "$dir"/.nixtrust-good.*; do
    if is_there "$good"; then return 0; fi
  done
  return 1
}

# What the daemon last answered with comes back. What somebody edited meanwhile is not lost.
roll_back() {
  kept='' announced=''
  for good in "$dir"/.nixtrust-good.*; do
    if ! is_there "$good"; then continue; fi
    set -- "$dir/${good#"$dir"/.nixtrust-good.}" "$good"
    if ! is_ours "$1"; then
      free_name "$1.edited"
      ln "$1" "$free" 2>/dev/null || mv -f "$1" "$free"
      edited="$edited${edited:+, }$free"
    fi
    put_back "$@" "$(first_mode "$1")"
  done
  made=$(sed -n "s/^made$tab//p" "$pending")
  each rm_original "${made:+$made$newline}"
  made=''
}
