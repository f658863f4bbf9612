# shellcheck shell=sh
# shellcheck disable=SC2154  # with the others it is one script
# Who may write to a folder. Follows common.sh.

# others_may_write FOLDER: whether anybody but its owner, or root, may make and rename files in it, and
# so lay links there. A text, since the look and the removal ask it, and the latter in a shell of its own.
# A group is the owner's own if it has the owner's name and nobody else in it, as its second or as its
# first one; who is in it getent knows, and macOS, which has none, makes no such groups. Behind a + of ls
# is an access control list: on Linux the group's letters are then what it gives to anybody at most
# (acl(5)); macOS tells it with -e, and behind an @ may be one too. Other tools than these show none.
# shellcheck disable=SC2016  # expanded by the shell that runs it
folder_rule='
others_may_write() {
  # shellcheck disable=SC2012  # not the name
  of_folder=$(ls -ldn "$1" 2>/dev/null | awk "NR == 1 { print \$1, \$3, \$4 }")
  case $of_folder in
    ????????w* | "") return 0 ;;
    ??????????[+@]*)
      if list_of_folder=$(ls -lden "$1" 2>/dev/null); then
        ! lets_others_write || return 0
      else
        case $of_folder in ?????w????+*) return 0 ;; esac
      fi
      ;;
  esac
  case $of_folder in ?????w*) is_in_group_of_others "${of_folder#* }" ;; *) return 1 ;; esac
}
# What the access control list of macOS gives, by chmod(1).
lets_others_write() {
  printf "%s\n" "$list_of_folder" | sed 1d |
    grep -Eq " allow .*(add_file|add_subdirectory|delete_child|writesecurity|chown)"
}
# is_in_group_of_others UID GID, as one word. Two groups may have one number; not every machine lists all
# groups that it knows when no number is asked.
is_in_group_of_others() {
  owner_of_folder=$(getent passwd "${1% *}" 2>/dev/null) && [ -n "$owner_of_folder" ] || return 0
  { getent group "${1#* }" && getent group; } 2>/dev/null |
    owner=${owner_of_folder%%:*} awk -F : -v gid="${1#* }" "
      BEGIN { owner = ENVIRON[\"owner\"] }
      \$3 == gid && \$1 == owner && (\$4 == \"\" || \$4 == owner) { own = 1; next }
      \$3 == gid { others = 1 }
      END { exit (!own || others) }" || return 0
  getent passwd | awk -F : -v folder="$1" "
    BEGIN { split(folder, its, \" \") }
    \$4 == its[2] && \$3 != its[1] { others = 1 }
    END { exit !others }"
}'
eval "$folder_rule"
