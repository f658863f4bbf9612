# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the files before it it is one script
# Makes what nixtrust writes root's alone. Behind transaction.sh; the controller appends calls of these
# steps, from the top down, and puts in front:
#   may_be_seen   names of settings whose values everybody may see, space-separated
#
#   begin_mending FOLDER
#   close_folder               others can change it: now nobody else
#   lock_folder
#   clear_folder               where others could change it: away with what looks like ours
#   open_folder FILE…          members' Nix reads these there
#   renew FILE                 others can change it: a new file takes its name
#   renew_without_original FILE   and what it says is nobody's original
#   set_aside ORIGINAL         others can change it: nobody gives it back any more
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

# Sets dir to its real path, on which root alone can change each name.
begin_mending() {
  lock='' new='' says=''
  start
  umask 077
  if [ -h "$1" ] || ! dir=$(cd -P "$1" 2>/dev/null && pwd -P); then conclude failed "$1 is no folder"; fi
  way=$dir
  set -- /
  while way=${way%/*} && [ -n "$way" ]; do set -- "$@" "$way"; done
  # shellcheck disable=SC2012  # not the names
  ls -ldnq "$@" | awk '
    $3 != 0 || $1 ~ /^........w/ || ($1 ~ /^.....w/ && $4 != 0) { others = 1 }
    END { exit others || NR == 0 }' || conclude failed "others can change a folder above $dir"
}

# Its owner first, who could change the mode back.
close_folder() {
  try chown 0 "$dir"
  if [ "$(uname -s)" = Darwin ]; then
    try chmod -N "$dir"
  elif command -v setfacl >/dev/null; then
    try setfacl -b "$dir"
  fi
  try chmod go-w "$dir"
  # What is made in it may be others' to write, by a list that has no letter.
  # shellcheck disable=SC2012  # not the name
  case $(uname -s):$(ls -ldnq "$dir") in
    Linux:??????????+*) conclude failed "$dir has an access control list: install setfacl (acl), and run again" ;;
  esac
}

lock_folder() {
  # Nobody else's lock is one.
  remove_ours "$dir" ! -user "$my_uid"
  take_lock "$dir/.nixtrust-lock"
  lock=$dir/.nixtrust-lock
}

# What others have put there must not be taken for what a run has left.
clear_folder() {
  remove_ours "$dir" ! -name .nixtrust-lock
  for file in "$dir"/.nixtrust-*; do
    [ "$file" = "$lock" ] || ! is_there "$file" || conclude failed "$file cannot be removed"
  done
}

# open_folder FILE…: whatever else is there others could reach then, by its own mode, and all that is in
# it. Of an access control list the mode tells only that there is one.
open_folder() {
  known=$newline$dir/registry.json$newline$dir/machines$newline
  for file; do known=$known$dir/${file##*/}$newline; done
  for file in "$dir"/* "$dir"/.[!.]* "$dir"/..?*; do
    if [ -h "$file" ] || [ ! -e "$file" ]; then continue; fi
    # shellcheck disable=SC2012  # not the names
    ls -ldnq "$file" | awk '
      NR == 1 && ($1 ~ /[+]$/ || substr($1, 8, 3) ~ /[rwxst]/ || ($4 != 0 && substr($1, 5, 3) ~ /[rwxst]/)) { found = 1 }
      END { exit !found }' || continue
    case $known in
      *"$newline$file$newline"*) refuse_to_show "$file" ;;
      *) conclude failed "others could reach $file then: close it, and run again" ;;
    esac
  done
  try chmod a+rx "$dir"
}

# renew FILE: with what it says, for those who could read it.
renew() {
  file=$dir/${1##*/}
  if ! is_there "$file"; then return; fi
  copy_of_roots
  take_name "$file"
}

# renew_without_original FILE: its lines may be others', and what is kept as the original comes back one
# day. With a block of ours in it, of which none is kept, it is none.
renew_without_original() {
  file=$dir/${1##*/}
  if ! is_there "$file"; then return; fi
  copy_of_roots
  if ! is_there "$file.before-nixtrust" && ! grep -qsF "$block_begin" "$new"; then
    if [ -n "$(tail -c 1 "$new")" ]; then block_begin=$newline$block_begin; fi
    words=$({ printf '%s\n' "$block_begin" "$block_end" >>"$new"; } 2>&1) || conclude failed "$words"
  fi
  take_name "$file"
}

# set_aside ORIGINAL: for a person to see what it says.
set_aside() {
  file=$dir/${1##*/}
  if ! is_there "$file"; then return; fi
  copy_of_roots
  free_name "$file.old"
  take_name "$free"
  try rm -f "$file"
  says="$says${says:+, }$file, which others could change, is kept as $free, and undo.py does not give it back"
}

# Sets new: a file of root's that says what $file does.
copy_of_roots() {
  if [ -h "$file" ] || [ ! -f "$file" ]; then conclude failed "$file is no regular file"; fi
  # shellcheck disable=SC2012,SC2046  # mode and group are read, not the names
  set -- $(ls -ldnq "$file")
  mode=600 group=0
  case $1 in
    ???????r*) mode=644 ;;
    ????r*) mode=640 group=$4 ;;
  esac
  new=$(mktemp "$dir/.nixtrust-new.XXXXXX" 2>&1) || { words=$new new=''; conclude failed "$words"; }
  # Somebody may still have it open and be writing, or hold up who opens it.
  words=$({ limit 5 head -c 1048577 "$file" >"$new"; } 2>&1)
  case $? in
    0) ;;
    124 | 137) conclude failed "$file cannot be read in time: see who holds it up" ;;
    *) conclude failed "$words" ;;
  esac
  [ "$(($(wc -c <"$new")))" -le 1048576 ] || conclude failed "$file is larger than 1 MiB"
  try chown "0:$group" "$new"
  try chmod "$mode" "$new"
}

# take_name FILE: the copy is it now.
take_name() {
  sync "$new" 2>/dev/null
  try mv -f "$new" "$1"
  new=''
}

# open_file FILE: which is root's alone.
open_file() {
  file=$dir/${1##*/}
  if [ ! -f "$file" ]; then return; fi
  refuse_to_show "$file"
  try chmod a+r "$file"
}

# refuse_to_show FILE: if it may hold a secret, which everybody could read then: by its settings, and by
# what words look like, since of values that are not judged and of comments the controller knows nothing.
# nixtrust/judge_access.py has the same rule of settings.
refuse_to_show() {
  case ${1##*/} in registry.json | machines) of_nix='' ;; *) of_nix=yes ;; esac
  words=$(may_be_seen=$may_be_seen of_nix=$of_nix awk '
    BEGIN {
      n = split(ENVIRON["may_be_seen"], names, " ")
      for (i = 1; i <= n; i++) may_be_seen[names[i]] = 1
    }
    # A public key has 44 characters behind its name.
    function may_be_secret(word) {
      return word ~ /(eyJ|gh[a-z]_|github_pat|glpat)/ || (length(word) >= 20 && word ~ /[0-9]/ && \
        word ~ /[A-Za-z]/ && word !~ /^[A-Za-z0-9.-]+:[A-Za-z0-9+\/]+=$/ && word !~ /^([a-z+]+:\/)?[.~\/]/)
    }
    # Blanks are space, tab, CR (NixOS/nix src/libutil/configuration.cc).
    function may_set_secret(line,   n, i, word) {
      sub(/#.*/, "", line)
      n = split(line, word, /[ \t\r]+/)
      i = word[1] == "" ? 2 : 1
      if (n < i || word[i] == "" || word[i] ~ /^!?include$/) return 0
      return word[i + 1] != "=" || !(word[i] in may_be_seen)
    }
    tolower($1 $2) ~ /(token|passw|secret)/ || /:\/\/[^ \/]*@/ { print FNR; exit }
    ENVIRON["of_nix"] && may_set_secret($0) { print FNR; exit }
    { n = split($0, word, /[ \t"]+/) }
    {
      for (i = 1; i <= n; i++) if (may_be_secret(word[i])) { print FNR; exit }
    }' "$1") || conclude failed "$1 cannot be read"
  [ -z "$words" ] || conclude failed "$1:$words may hold a secret, which everybody could read then: move it elsewhere"
}

finish_mending() {
  conclude 'done' "$says"
}
