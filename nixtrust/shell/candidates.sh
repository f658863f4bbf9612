# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the others it is one script
# Which files are looked into for credentials. Follows common.sh and what is made from the catalogue
# (nixtrust/search_script.py): candidates_of_home and the like.

# What one look goes through at most. Where there is more it says so.
most_projects=2000 most_files=4000 most_mentions=300 most_locations=100 most_pointers=300 most_unread=100 most_told=100
too_many='more are there than are looked into'

# candidates PLACE PATTERN…: what is there joins the list of what is looked into. One that is found in
# two ways is in it twice: to seek each among all of them takes long where they are thousands.
candidates() {
  place=$1 wild='[*]'
  shift
  if names_patterns "$place"; then wild='[*?[]'; fi
  for pattern; do expand '' "$pattern"; done
}

# expand BEFORE PATTERN: to the names that are there, behind what is taken as it is; or to itself. Root does it
# component by component, and hands over what begins where others may have laid any number of names.
expand() {
  case $2 in
    *$wild*) ;;
    *)
      file=$1$2
      candidate
      return
      ;;
  esac
  # shellcheck disable=SC2295  # a pattern
  before=${2%%$wild*}
  set -- "$1$before" "${2#"$before"}" ''
  if ! may_list "${1%/*}"; then
    file=${1%/*}
    give_over "$1" "$2"
    return
  fi
  case $my_uid:$2 in
    0:*/*) set -- "$1" "${2%%/*}" "/${2#*/}" ;;
  esac
  IFS=''
  # shellcheck disable=SC2086  # a pattern
  for found in "$1"$2; do
    unset IFS
    expand "$found" "$3"
  done
}

# may_list FOLDER: whether its names are read here.
may_list() {
  if [ "$my_uid" != 0 ] || is_roots "$1"; then return 0; fi
  # What is no folder has no names.
  find_end "$1"
  is_roots "${target%/*}" && [ ! -h "$target" ] && [ ! -d "$target" ]
}

# $file, if it is there. Where others may have laid links root does not ask: they could lead it into any
# home, and see what it found there by what is asked of them.
candidate() {
  case $not_ours in *"$newline$file$newline"*) return ;; esac
  if [ "$my_uid" = 0 ] && ! is_roots "${file%/*}"; then
    give_over "$file" ''
  elif [ "$my_uid" = 0 ] && [ -h "$file" ]; then
    links=$links$place$tab$file$newline link_files=$link_files$file$newline
    # Each is sought among all of them.
    if [ "${#links}" -gt 4096 ]; then
      of=$place
      follow_links
      place=$of
    fi
  elif [ ! -e "$file" ]; then
    if [ -h "$file" ]; then dangling_link; else look_for_closed_folder; fi
  elif [ "$my_uid" = 0 ]; then
    look_into_own "$file"
  else
    look_into
  fi
}

# look_into_own PATH: into $file, which is at that path in the end. Root opens nothing whose name
# somebody else can change, and nothing of somebody else's, who can hold up each who opens it, by a lease
# (fcntl(2)), and let it grow.
look_into_own() {
  # shellcheck disable=SC3067  # all shells that are meant know -O, and it is no process for each file
  if ! is_roots "${1%/*}"; then
    give_over "$1" ''
  elif [ ! -e "$1" ]; then
    [ ! -e "$file" ] || unread_place "$file" 'a name on the way is not plain text'
  elif [ -O "$1" ]; then
    look_into
  else
    give_to "$(owner_of "$1")" "$1"
  fi
}

# Follows all links at once that root is to look into.
follow_links() {
  [ -n "$links" ] || return 0
  set -f
  IFS=$newline
  # shellcheck disable=SC2012,SC2086  # a list; a link is told with where it leads
  told=$(ls -ld $link_files 2>/dev/null)
  for line in $told; do
    unset IFS
    set +f
    # A line of its own is what a name has behind the end of one.
    case $line in l*) ;; *) continue ;; esac
    file=/${line#*/}
    target=${file##* -> } file=${file%% -> *}
    place=${links%%"$tab$file$newline"*}
    place=${place##*"$newline"}
    case $target in
      /*/../* | [!/]*) target=$(where_leads "$file") ;;
    esac
    follow_link "$target"
    set -f
    IFS=$newline
  done
  unset IFS
  set +f
  links='' link_files=''
}

# follow_link TARGET: of $file. Linux follows 40.
follow_link() {
  [ -e "$file" ] || dangling_link
  find_end "$1"
  look_into_own "$target"
}

# find_end PATH: sets target: where it leads, or the first link on the way that is not in a folder of
# root's.
find_end() {
  hops=0
  target=$1
  while [ -h "$target" ] && [ "$hops" -lt 40 ] && is_roots "${target%/*}"; do
    hops=$((hops + 1))
    target=$(where_leads "$target")
  done
}

# is_own PATH: whether root may open it; others may open what they can.
is_own() {
  [ "$my_uid" = 0 ] || return 0
  find_end "$1"
  is_roots "${target%/*}"
}

# $file, which is there.
look_into() {
  # A folder, or what is not kept on the disk: 1Password serves a .env as a named pipe.
  [ -f "$file" ] || return 0
  case $file in
    *[[:cntrl:]]*)
      unread_place "$file" 'its name is no text'
      return
      ;;
  esac
  if [ ! -r "$file" ]; then
    unread_place "$file" 'no permission to read it'
    return
  fi
  if is_the_kernels "$file"; then
    unread_place "$file" "$the_kernels"
    return
  fi
  file_count=$((file_count + 1))
  if [ "$file_count" -gt "$most_files" ]; then
    [ "$file_count" -gt "$((most_files + 1))" ] || unread_place "$file" "$too_many"
    return
  fi
  # What is long is seldom copied.
  recent=$recent$place$tab$person$tab$home$tab$file$newline recent_files=$recent_files$file$newline
  if [ "${#recent}" -gt 8192 ]; then
    suspects=$suspects$recent files=$files$recent_files recent='' recent_files=''
  fi
  case $place in
    systemd-unit) units=$units$file$newline ;;
    launchd) plists=$plists$file$newline ;;
  esac
  if leads_on "$place"; then startups=$startups$file$newline; fi
}

# Which of the folders that are looked into are root's, asked at once. Where one on the way to it is not,
# or is a link, is_roots asks anew.
find_roots() {
  set --
  for folder in "" $folders_of_system $folders_of_daemon; do
    if [ -d "/$folder" ] && [ ! -h "/$folder" ]; then set -- "$@" "/$folder"; fi
  done
  for folder in "" $folders_of_home; do
    folder=${root_home%/}${folder:+/$folder}
    if [ -d "$folder" ] && [ ! -h "$folder" ]; then set -- "$@" "$folder"; fi
  done
  find_alone "$@"
  roots=$newline
  for way; do
    folder=$way
    while [ -n "$folder" ]; do
      case $alone in *"$newline$folder$newline"*) folder=${folder%/*} ;; *) continue 2 ;; esac
    done
    roots=$roots$way$newline
  done
}

# Where the daemon and its Nix lie.
folders_of_daemon='usr usr/bin dev run run/systemd run/systemd/system usr/lib usr/lib/systemd
  usr/lib/systemd/profile.d nix nix/store nix/var nix/var/nix nix/var/nix/db nix/var/nix/profiles'

# find_alone FOLDER…: sets alone: those that root alone can change, each between newlines. In a sticky one
# others cannot change what is root's, but make more: that counts for the store alone, into which the daemon
# puts what it has built. Behind a + is an access control list, and in the group's place what it lets at
# most; a Mac's stands in lines of its own, which begin with a blank. Nor can a group of nobody's.
find_alone() {
  # With -q a name, and what a link leads to that has been laid there meanwhile, makes no further line.
  if [ "$kernel" = Darwin ]; then long=-ldenq; else long=-ldnq; fi
  # shellcheck disable=SC2012  # the last word is the name, as none has a blank
  untold=$(ls "$long" "$@" 2>/dev/null | awk '
    /^ / {
      if (/ allow .*(write|append|add_file|add_subdirectory|delete|chown)/) its = ""
      next
    }
    { if (its != "") print its; its = "" }
    $3 == 0 && $1 ~ /^d.......[^w]/ {
      if ($1 !~ /^.....w/ || ($NF == "/nix/store" && $1 ~ /^.........[tT]/)) its = "- " $NF
      else if ($1 !~ /[+]$/) its = $4 " " $NF
    }
    END { if (its != "") print its }')$newline
  alone=$newline
  while [ -n "${untold%"$newline"}" ]; do
    way_of=${untold%%"$newline"*} untold=${untold#*"$newline"}
    case $way_of in
      '- '*) ;;
      *) is_nobodys "${way_of%% *}" || continue ;;
    esac
    alone=$alone${way_of#* }$newline
  done
}

# is_roots FOLDER: whether nobody but root can change where this path leads, on the whole way. It is
# known of the last folder, and of some others.
is_roots() {
  case $1 in
    '') return 0 ;;
    [!/]* | */. | */.. | */./* | */../*) return 1 ;;
  esac
  [ "$1" != "$last_of_roots" ] || return 0
  case $roots in *"$newline$1$newline"*) return 0 ;; esac
  case $others in *"$newline$1$newline"*) return 1 ;; esac
  if find_whether_roots "$1"; then
    last_of_roots=$1
    [ "${#roots}" -gt 16384 ] || roots=$roots$1$newline
  else
    [ "${#others}" -gt 16384 ] || others=$others$1$newline
    return 1
  fi
}

find_whether_roots() {
  is_roots "${1%/*}" || return
  if [ ! -e "$1" ]; then
    # Root alone could make it. A link to nothing may go round.
    [ ! -h "$1" ]
    return
  fi
  if [ -h "$1" ]; then
    is_roots "$(where_leads "$1")"
  else
    case $roots in
      *"$newline$(cd -P "$1/" 2>/dev/null && pwd -P)$newline"*) ;;
      *)
        find_alone "$1"
        [ "$alone" != "$newline" ] || return
        ;;
    esac
  fi
}

# where_leads LINK: its target, whole. A name that is followed by `..` may itself be a link.
where_leads() {
  target=$(readlink "$1")
  case $target in
    /*) ;;
    *)
      above=$(cd -P "${1%/*}/" 2>/dev/null && pwd -P) || return
      above=${above%/}
      while :; do
        case $target in
          ./*) target=${target#./} ;;
          ../*) target=${target#../} above=${above%/*} ;;
          *) break ;;
        esac
      done
      target=$above/$target
      ;;
  esac
  while [ "$target" != "${target%?/}" ]; do target=${target%/}; done
  printf '%s\n' "$target"
}

# give_over PATH PATTERN: what is not root's, with a pattern behind it or none, is for a process of whoever
# can change the way to it first.
give_over() {
  if [ "${1%/*}" != "$last_given" ]; then
    last_given=${1%/*}
    find_first_owner "$last_given"
  fi
  case $given_owner:$2 in
    : | 0:) [ -e "$1" ] || [ -h "$1" ] || return 0 ;;
  esac
  give_to "$given_owner" "$given_folder/${1##*/}$2"
}

# find_first_owner FOLDER: sets given_folder, the same without root's links, and given_owner: whose the first
# component on the way to it is that root alone cannot change, or nobody's. Behind that root follows no link.
find_first_owner() {
  given_folder=$1 given_owner='' way='' rest=$1 hops=0
  while [ -n "$rest" ]; do
    rest=${rest#/}
    component=${rest%%/*}
    rest=${rest#"$component"}
    [ -n "$component" ] || continue
    if is_roots "$way/$component"; then
      way=$way/$component
    elif [ -h "$way/$component" ] && [ "$hops" -lt 40 ]; then
      hops=$((hops + 1))
      rest=$(where_leads "$way/$component")$rest way=''
    else
      case $component in
        . | ..) rest=$(cd -P "$way/$component/" 2>/dev/null && pwd -P)$rest way='' ;;
        *)
          given_folder=$way/$component$rest
          find_laid_by "$way/$component" "$rest"
          return
          ;;
      esac
    fi
  done
}

# find_laid_by COMPONENT REST: sets given_owner. In a sticky folder of root's nobody can change what is
# another's.
find_laid_by() {
  # shellcheck disable=SC2012  # not the name
  laid=$(ls -ldn "$1" 2>/dev/null | awk '{ print substr($1, 1, 10) " " $3 }')
  given_owner=${laid##* }
  case $laid:$2 in
    d????????[tT]\ 0:/?*)
      left_of_way=${2#/}
      left_of_way=${left_of_way%%/*}
      # shellcheck disable=SC2012  # not the name
      given_owner=$(ls -ldn "$1/$left_of_way" 2>/dev/null | awk '{ print $3 }')
      ;;
  esac
}

owner_of() {
  # shellcheck disable=SC2012  # not the name
  ls -ldnL "$1" 2>/dev/null | awk '{ print $3 }'
}

# give_to UID PATTERN
give_to() {
  case $2$newline${1:-0} in
    *"$newline"0 | *[[:cntrl:]]*"$newline"*)
      unread_place "$file" "$others_can"
      ;;
    *) given=$given$1$tab$place$tab$2$newline ;;
  esac
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
  unread_places=$((unread_places + 1))
  if [ "$unread_places" -gt "$most_unread" ]; then
    [ "$unread_places" -eq "$((most_unread + 1))" ] || return 0
    set -- "$1" 'more are there than are told'
  fi
  unread=$unread$1$newline
  case $1 in
    *[!\ -~]*) set -- "$(printf '%s' "$1" | tr -c '\040-\176' '[?*]')" "$2" ;;
  esac
  record unread-place "$place" "$1" "$2"
}

# candidates_of_person NAME HOME: where the variables that say where files lie are not set.
candidates_of_person() {
  person=$1 home=$2 place=cachix-dhall
  startups=''
  case $home in '' | /) return ;; esac
  if [ ! -d "$home" ]; then
    file=$home/.
    look_for_closed_folder
    return
  fi
  usual_locations
  candidates_of_home
  projects=0
  IFS=$newline
  for path in $search_paths; do
    if ! may_list "$home/$path"; then
      for project in "$home/$path" "$home/$path/*"; do candidates_of_project; done
      continue
    fi
    for project in "$home/$path" "$home/$path"/*; do
      if [ -d "$project" ]; then
        projects=$((projects + 1))
        if [ "$projects" -gt "$most_projects" ]; then
          unread_place "$home/$path" "$too_many"
          break
        fi
        # macOS says that a folder may be listed which it protects.
        ! may_list "$project" || ls "$project" >/dev/null 2>&1 || unread_place "$project" 'no permission to list it'
        candidates_of_project
      fi
    done
  done
  unset IFS
  follow_links
  if [ -n "$startups" ]; then
    homes=$homes$person$tab$home$newline
    all_startups=$all_startups$startups
  fi
}

# What is not anybody's own.
candidates_of_machine() {
  person='' home=/nonexistent startups=''
  homes='' all_startups=''
  candidates_of_system
  follow_links
  system_startups=$startups all_startups=$startups
}
