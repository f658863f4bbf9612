# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with common.sh it is one script
# Changes a machine's configuration as one transaction. Between transaction.sh and place.sh; the
# controller appends calls of these steps, in their order:
#
#   begin FOLDER               the lock; away with what a killed run left
#   keep_without PATH STAMP RANGES      bytes that are not kept in its original
#   change PATH STAMP REMOVE BLOCK      a candidate beside PATH: without some lines, with a block
#   restore PATH STAMP DELETIONS… RANGES…       or: a candidate as it was before nixtrust
#   check EXPECTED FILE…       this machine's own Nix reads the candidates
#   announce_restart           from here on a killed run leaves word that a restart is due
#   keep_originals             once, as nix.conf.before-nixtrust
#   put_in_place               the candidates take their names
#   restart_daemon GROUP       and what does not answer then is taken back; GROUP's members build
#   finish
#
# Each file is the whole old or the whole new one at any moment. A lost connection ends nothing:
# the signals are ignored, and what is to say is said at the end.
#
# What lies in FOLDER while a transaction is at work, for each FILE that it changes:
#   .nixtrust-new.*            candidates
#   .nixtrust-old.FILE         as it was before
# and for as long as the daemon is not known to have read what was put in place:
#   .nixtrust-restart-pending  which files were put there, the mode of each before, and which originals
#                              were kept
#   .nixtrust-good.FILE        as it was when the daemon last answered
# Of a file that was not there, a link to nothing. Others than root read neither copy.

on_exit() {
  [ -z "$stage" ] || rm -rf "$stage"
  if [ -n "$lock" ]; then
    [ -e "$pending" ] || rm -f "$dir"/.nixtrust-old.* "$dir"/.nixtrust-good.*
    rm -rf "$dir"/.nixtrust-new.* "$lock"
  fi
  {
    tab_line nixtrust write 1
    tab_line outcome "$outcome" "$outcome_words"
    tab_line end 2 ''
  } | mask_tokens
}

begin() {
  stage='' lock='' dir=$1 changes='' made='' aside='' spent='' kept='' announced='' edited=''
  unkept='' pending=$dir/.nixtrust-restart-pending
  start
  if [ ! -d "$dir" ]; then try mkdir -p "$dir"; fi
  # What is made beside a closed file, or of it, must not be more open.
  umask 077
  # What others left while they could change the folder is no word of nixtrust's, nor a lock.
  remove_ours "$dir" ! -user "$my_uid"
  take_lock "$dir/.nixtrust-lock"
  lock=$dir/.nixtrust-lock
  remove_ours "$dir" ! -name .nixtrust-lock ! -name '.nixtrust-old.*' ! -name '.nixtrust-good.*' \
    ! -name "${pending##*/}"
  is_own_word || rm -rf "$pending" "$dir"/.nixtrust-good.*
  if [ -e "$pending" ]; then old_is_good; else rm -f "$dir"/.nixtrust-old.* "$dir"/.nixtrust-good.*; fi
  kernel=$(uname -s) everybody=''
  find_daemon
  find_nix
  [ -n "$nix" ] || conclude failed 'Nix is gone, or others can change it'
  find_version
  # Where a restart was due already, what was written may well be why.
  if daemon_answers || has_good; then alive=yes; else alive=''; fi
}

# Whether nobody else could write what is to be made up for, nor have it written elsewhere.
is_own_word() {
  # shellcheck disable=SC2012  # not the name
  ! is_there "$pending" || ls -ldnq "$pending" 2>/dev/null |
    awk -v uid="$my_uid" '{ exit $2 != 1 || $3 != uid || $1 !~ /^-....[^w]..[^w]/ }'
}

# --- The candidates -----------------------------------------------------------------------------

# changes: a line for each, the file, its candidate (none: the file goes) and the file's stamp.

is_unchanged() {
  [ "$(stamp "$1")" = "$2" ] || conclude changed "$1 changed meanwhile"
}

# Sets new: a file beside the target, with its mode and owner and what else cp -p keeps.
candidate() {
  is_unchanged "$1" "$2"
  new=$(mktemp "$dir/.nixtrust-new.XXXXXX" 2>&1) || conclude failed "$new"
  if [ -e "$1" ]; then
    try cp -p "$1" "$new"
  else
    try chmod 644 "$new"
    # shellcheck disable=SC2012  # only the numbers of owner and group are read
    try chown "$(ls -ldn "$dir" | awk '{print $3 ":" $4}')" "$new"
  fi
}

# without REMOVE FILE NEW: to NEW its lines but for those that the sed script deletes.
without() {
  if [ ! -e "$2" ]; then return; fi
  words=$({ sed -e "$1" "$2" >"$3"; } 2>&1) || conclude failed "$words"
}

# without_ranges RANGES FILE NEW: to NEW its bytes but for these: FROM:TO, without TO, ascending. The
# last may end behind the file, where its last line has no end.
without_ranges() {
  size=$({ wc -c <"$2"; } 2>&1) || conclude failed "$size"
  size=$((size)) left=$((size))
  for range in $1; do
    to=${range#*:}
    [ "$to" -le "$size" ] || to=$size
    left=$((left - to + ${range%:*}))
  done
  words=$({ outside_ranges "$1" "$2" >"$3"; } 2>&1) || conclude failed "$words"
  [ "$(($(wc -c <"$3")))" -eq "$left" ] || conclude failed "no room to write beside $2"
}

# outside_ranges RANGES FILE
outside_ranges() {
  at=0
  for range in $1 "$size:"; do
    if [ "$at" -lt "${range%:*}" ]; then
      tail -c "+$((at + 1))" "$2" 2>/dev/null | head -c "$((${range%:*} - at))" || return
    fi
    at=${range#*:}
  done
}

# others RANGES DELETIONS FILE NEW: to NEW its lines without these bytes but for those that the sed
# script deletes. No range has the end of a line in it.
others() {
  if [ -n "$1" ]; then
    without_ranges "$1" "$3" "$4.others"
    set -- '' "$2" "$4.others" "$4"
  fi
  without "$2" "$3" "$4"
}

# append TEXT FILE: on lines of its own.
append() {
  if [ -n "$(tail -c 1 "$2")" ]; then set -- "$newline$1" "$2"; fi
  words=$({ printf '%s\n' "$1" >>"$2"; } 2>&1) || conclude failed "$words"
}

change() {
  candidate "$1" "$2"
  without "$3" "$1" "$new"
  if [ -n "$4" ]; then
    append "$4" "$new"
    [ "$(tail -n 1 "$new")" = "$block_end" ] || conclude failed "no room to write beside $1"
  fi
  # Against a loss of power; where sync takes no file, rename alone has to do.
  sync "$new" 2>/dev/null
  changes=$changes$1$tab$new$tab$2$newline
}

# What was there before nixtrust comes back as it was if, but for the settings that nixtrust deals
# with, nothing differs from it; otherwise the block alone goes, and the original is set aside, so
# that the next one is kept anew. The deletions: of the block, of those settings and the block, of
# those settings in the original. The ranges: of credentials in the file, which the original may have
# been kept without, and in the original. Whosever the original was, what comes back is nobody else's.
restore() {
  candidate "$1" "$2"
  original=$1.before-nixtrust
  others "$6" "$4" "$1" "$new"
  others "$7" "$5" "$original" "$new.original"
  if [ -e "$original" ] && same_lines "$new" "$new.original"; then
    rm -f "$new"
    try cp -a "$original" "$new"
    try chown "$my_uid" "$new"
    try chmod go-w "$new"
    spent=$spent$original$newline
  else
    without "$3" "$1" "$new"
    if [ -e "$original" ]; then aside=$aside$original$newline; fi
    if [ ! -s "$new" ] && { [ ! -e "$1" ] || [ ! -e "$original" ]; }; then rm -f "$new"; fi
  fi
  changes=$changes$1$tab$new$tab$2$newline
}

# same_lines FILE FILE: whether or not the last one is ended.
same_lines() {
  for file; do
    if [ -n "$(tail -c 1 "$file")" ]; then echo >>"$file"; fi
  done
  cmp -s "$1" "$2"
}

# --- Nix reads them -----------------------------------------------------------------------------

# lay_stage FILE…: sets stage, a folder that stands for / as Nix will find it: links to all there is,
# and on the way to the candidates, which have their names there, folders of its own. So an include
# means what it will mean in place: Nix takes `..` by its letters and follows links only when it
# opens a file. The files of the configuration are given, because an include by its full path would
# lead past the candidates: those that have one are copied there with it leading into the stage.
lay_stage() {
  stage=$(mktemp -d "$dir/.nixtrust-stage.XXXXXX" 2>&1) || { words=$stage stage=''; conclude failed "$words"; }
  stage_pattern=$(printf '%s\n' "$stage" | sed 's/[].[*^$\\#]/\\&/g')
  stage_written=$(printf '%s\n' "$stage" | sed 's/[&\\#]/\\&/g')
  fill_stage ''
  lay_way "$dir"
  staged=$stage$dir
  each stand_in "$changes"
  include='[[:space:]]*!\{0,1\}include[[:space:]][[:space:]]*'
  for file; do
    if [ ! -f "$stage$file" ] || ! grep -qs "^$include/" "$stage$file"; then continue; fi
    lay_way "${file%/*}"
    words=$({ sed "s#^\($include\)/#\1$stage_written/#" "$stage$file" >"$stage$file.full"; } 2>&1) ||
      conclude failed "$words"
    try mv -f "$stage$file.full" "$stage$file"
  done
}

# lay_way FOLDER: it and all above it are folders of the stage's own.
lay_way() {
  up='' way=${1#/}/
  while [ -n "$way" ]; do
    up=$up/${way%%/*} way=${way#*/}
    if [ -d "$stage$up" ] && [ ! -h "$stage$up" ]; then continue; fi
    rm -f "$stage$up"
    try mkdir "$stage$up"
    fill_stage "$up"
  done
}

fill_stage() {
  ln -s "$1"/* "$1"/.[!.]* "$stage$1/" 2>/dev/null
}

stand_in() {
  rm -f "$staged/${1##*/}"
  [ ! -e "$2" ] || try ln -s "$2" "$staged/${1##*/}"
}

# What Nix makes of the configuration in a folder: values, what it says, its status.
told() {
  # shellcheck disable=SC2086  # a command of two words
  nix_as "$nix_user" "$1" --extra-experimental-features nix-command $show 2>&1
  echo "status $?"
}

# Of what Nix told the settings that are expected, their words sorted and each once.
# In the environment: macOS's awk takes no newline behind -v.
values() {
  wanted=$1 awk '
    BEGIN {
      n = split(ENVIRON["wanted"], lines, "\n")
      for (i = 1; i <= n; i++) { split(lines[i], token, " "); wanted[token[1]] = 1 }
    }
    $2 == "=" && ($1 in wanted) {
      n = 0
      for (i = 3; i <= NF; i++) {
        # As text: awk compares what looks like two numbers as numbers.
        word = $i ""
        for (j = n; j > 0 && sorted[j] > word; j--) sorted[j + 1] = sorted[j]
        if (j > 0 && sorted[j] == word) { for (k = j + 1; k <= n; k++) sorted[k] = sorted[k + 1] }
        else { sorted[j + 1] = word; n++ }
      }
      line = $1
      for (i = 1; i <= n; i++) line = line " " sorted[i]
      print line
    }' | sort
}

# What a Nix says besides values and that a line of its own.
warnings() {
  grep '^warning: ' | sed "s#$stage_pattern##g"
}

# check EXPECTED FILE…: the candidates are refused on an error, on a warning that the present files
# do not give, and on other values than expected (lines `setting word word`, sorted). The files are
# those that Nix reads now.
check() {
  expected=$1
  shift
  lay_stage "$@"
  present=$(told "$dir")
  trial=$(told "$staged")
  case $trial in
    *"status 0") ;;
    *)
      says=$(printf '%s\n' "$trial" | words | sed "s#$stage_pattern##g")
      conclude refused "Nix refuses what would be written: ${says:-it ends with ${trial##*"$newline"}}"
      ;;
  esac
  before=$(printf '%s\n' "$present" | warnings)
  warning=$(printf '%s\n' "$trial" | warnings | grep -vxF "${before:-none}" | sed -n 1p)
  if [ -n "$warning" ]; then
    says=$(printf '%s\n' "$warning" | words)
    conclude refused "Nix would warn of what would be written${says:+: $says}"
  fi
  got=$(printf '%s\n' "$trial" | values "$expected")
  [ "$got" = "$expected" ] || conclude refused "Nix reads what would be written otherwise: $(
    printf '%s\n' "$expected" | grep -vxF "${got:-none}" | cut -d ' ' -f 1 | tr '\n' ' ')"
  rm -rf "$stage"
  stage=''
  each is_still_unchanged "$changes"
}

# Somebody may have edited the file while Nix read its candidate.
is_still_unchanged() {
  is_unchanged "$1" "$3"
}

# --- The end ------------------------------------------------------------------------------------

# set_aside ORIGINAL
set_aside() {
  free_name "$1.old"
  try mv -f "$1" "$free"
  says="$says${says:+, }$free"
}

finish() {
  says='' kept='' made=''
  each set_aside "$aside"
  each rm_file "$spent"
  conclude 'done' "${says:+other lines have changed since nixtrust came; what was there before it: $says}"
}
