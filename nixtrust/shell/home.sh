# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the others it is one script
# Looks at one home, as whoever it belongs to. Follows hindrances.sh.

# look_at_home NAME HOME PLACE FILE…: with - for a HOME only at these files, to which root's lead. With
# `startup` for a PLACE it is a start-up file of the system's, which says where files lie.
look_at_home() {
  homes='' all_startups='' system_startups=''
  seen=$newline
  if [ "$2" = - ]; then
    startups=''
  else
    candidates_of_person "$1" "$2"
    conf=${2%/}/.config/nix/nix.conf
    conf_files user "$conf" "$2"
    [ ! -e "$conf.before-nixtrust" ] || conf_files original "$conf.before-nixtrust"
  fi
  person=$1 home=$2
  shift 2
  while [ "$#" -gt 1 ]; do
    if [ "$1" = startup ]; then
      system_startups=$system_startups$2$newline all_startups=$all_startups$2$newline
    else
      candidates "$1" "$2"
    fi
    shift 2
  done
  look_at_credentials
  echo end
}
