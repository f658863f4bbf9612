# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the others it is one script
# Why a file with a credential is not to be written, if so. Follows credentials.sh.

# Seconds for a shell that is asked.
patience=10

# Sets refused if the shell that reads $file would not accept it without the lines that may go.
try_without() {
  without=$(printf '%s\n' "$told" | awk -F "$tab" '$5 == "-" { printf "%dd;", $2 }')
  [ -n "$without" ] || return 0
  # sed has a limit as well: nobody may read what it says.
  limit "$patience" sed "$without" "$file" 2>/dev/null |
    limit "$patience" sh -c "$accepted" sh "$PATH" "$program" >/dev/null 2>&1 || refused='refused'
}

# Sets of $file: folder (the real one), owner, mode, link (where it leads), and site: why it is not to
# be written, if so. What remove.sh refuses is foreseen here.
find_site() {
  site='' link='' folder=$(cd -P "${file%/*}" 2>/dev/null && pwd -P)
  # shellcheck disable=SC2012,SC2046  # of the words, the first four are read
  set -- $(ls -ldL "$file" 2>/dev/null)
  mode=${1-} links=${2-} owner=${3-} group=${4-}
  # shellcheck disable=SC2012,SC2046  # of the words, the first four are read
  set -- $(ls -ld "$folder" 2>/dev/null)
  if [ -h "$file" ]; then
    link=$(real_path "$file")
    link=$(cd -P "${link%/*}" 2>/dev/null && pwd -P)/${link##*/}
  fi
  case ${link:-$folder/} in
    /nix/store/*) site='store' ;;
    *)
      if in_work_tree "${link:-$folder/}"; then
        site='work-tree'
      elif [ -n "$link" ]; then
        site='link'
      elif [ "$links" != 1 ]; then
        site='hard-link'
      elif is_locked "$file" "$folder"; then
        site='locked'
      else
        find_site_in_folder "$3"
      fi
      ;;
  esac
}

# find_site_in_folder OWNER: the folder's.
find_site_in_folder() {
  if [ "$1" != "$me" ] || others_may_write "$folder"; then
    site='folder'
  elif [ ! -w "$folder" ]; then
    site='read-only'
  elif [ "$1" != "$owner" ] || ! can_be_made_anew; then
    site='owner'
  fi
}

# is_locked FILE…: by chattr's i or a, or by one of macOS's flags (sys/stat.h: UF_ and SF_IMMUTABLE,
# _APPEND, UF_DATAVAULT, SF_RESTRICTED, SF_NOUNLINK), which root does not write over either.
is_locked() {
  if [ "$kernel" = Darwin ]; then
    for flags in $(stat -f %f "$@" 2>/dev/null); do
      [ "$((flags & 0x1e0086))" -eq 0 ] || return 0
    done
    return 1
  fi
  lsattr -d "$@" 2>/dev/null | grep -q '^[^ ]*[ia]'
}

# Whether the owner of $file may read it, and give its group to another one.
can_be_made_anew() {
  case $mode in ?-*) [ "$owner" = root ] || return 1 ;; esac
  case " $(id -Gn "$owner" 2>/dev/null) " in
    *" $group "*) ;;
    *) [ "$owner" = root ] ;;
  esac
}

# in_work_tree FILE: it lies below a folder that is under version control. A home may be the work tree
# of a repository beside it, as yadm has it and those do who keep a bare one; which of its files are
# in that, git alone could tell.
in_work_tree() {
  above=${1%/*}
  while [ -n "$above" ]; do
    for control in .git .jj .hg .svn .local/share/yadm/repo.git .config/yadm/repo.git \
      .dotfiles.git .dotfiles/HEAD .cfg.git .cfg/HEAD; do
      [ ! -e "$above/$control" ] || return 0
    done
    above=${above%/*}
  done
  return 1
}
