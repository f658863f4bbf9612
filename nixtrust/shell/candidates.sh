# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the others it is one script
# Which files are looked into for credentials. Follows common.sh and what is made from the catalogue
# (nixtrust/search_script.py): candidates_of_home, candidates_of_project, candidates_of_system.

# candidates PLACE FILE…: those that are there join the list of what is looked into.
candidates() {
  place=$1
  shift
  for file; do
    if [ ! -e "$file" ]; then
      if [ -h "$file" ]; then dangling_link; else look_for_closed_folder; fi
      continue
    fi
    case $searched in *"$newline$file$newline"*) continue ;; esac
    searched=$searched$file$newline
    # A folder, or what is not kept on the disk: 1Password serves a .env as a named pipe.
    [ -f "$file" ] || continue
    case $file in
      *[[:cntrl:]]*)
        unread_place "$file" 'its name is no text'
        continue
        ;;
    esac
    if [ ! -r "$file" ]; then
      unread_place "$file" 'no permission to read it'
      continue
    fi
    suspects=$suspects$place$tab$person$tab$home$tab$file$newline
    files=$files$file$newline
    case $place in
      systemd-unit) units=$units$file$newline ;;
      launchd) plists=$plists$file$newline ;;
    esac
    if leads_on "$place"; then startups=$startups$file$newline; fi
  done
}

# What is itself a credential may be there again once a disk is mounted or a service has started.
dangling_link() {
  case $place in cachix-dhall | agent-token) ;; *) return ;; esac
  unread_place "$file" 'a link to nothing'
}

# Nothing is seen behind a folder that is closed, to root too where the network serves it; nor what
# is in one that may not be listed.
look_for_closed_folder() {
  nearest_folder "$file"
  [ -n "$folder" ] || return 0
  if [ ! -x "$folder" ]; then
    why='no permission to look into it'
  else
    [ ! -r "$folder" ] || return 0
    case ${file#"$folder"} in *'*'*) ;; *) return 0 ;; esac
    why='no permission to list it'
  fi
  unread_place "$folder" "$why"
}

# unread_place PATH WHY: once. An answer may not be able to hold the path as it is.
unread_place() {
  case $unread in *"$newline$1$newline"*) return ;; esac
  unread=$unread$1$newline
  case $1 in
    *[!\ -~]*) set -- "$(printf '%s' "$1" | tr -c '\040-\176' '[?*]')" "$2" ;;
  esac
  record unread-place "$place" "$1" "$2"
}

# candidates_of_person NAME HOME: where the variables that say where files lie are not set.
candidates_of_person() {
  person=$1 home=$2 place=cachix-dhall
  # There may be thousands of homes.
  searched=$searched_of_machine startups=''
  case $home in '' | /) return ;; esac
  if [ ! -d "$home" ]; then
    file=$home/.
    look_for_closed_folder
    return
  fi
  usual_locations
  candidates_of_home
  IFS=$newline
  for path in $search_paths; do
    for project in "$home/$path" "$home/$path"/*; do
      if [ -d "$project" ]; then
        # macOS says that a folder may be listed which it protects.
        ls "$project" >/dev/null 2>&1 || unread_place "$project" 'no permission to list it'
        candidates_of_project
      fi
    done
  done
  unset IFS
  if [ -n "$startups" ]; then
    homes=$homes$person$tab$home$newline
    all_startups=$all_startups$startups
  fi
}

# What is not anybody's own.
candidates_of_machine() {
  person='' home=/nonexistent startups=''
  searched=$searched_at_first homes='' all_startups=''
  candidates_of_system
  system_startups=$startups all_startups=$startups searched_of_machine=$searched
}
