# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the others it is one script
# Looks at configuration files of Nix. Follows common.sh and redact.sh. Somebody may work there
# meanwhile: what is gone between two lines of this is absent or unreadable, without a word on standard
# error. The shell's own, of a file that it cannot open, goes where the braces say.

# record FIELD…: a byte that is no plain character, and a backslash, as \OOO: a tab would forge a
# field, and what a member calls his files would make the whole answer one that cannot be read.
record() {
  fields=''
  for field; do
    case $field in
      *[!\ -~]* | *\\*)
        field=$(printf '%s' "$field" | od -An -v -t o1 | awk '
          { for (i = 1; i <= NF; i++) printf "%s", shown($i) }
          function shown(octal,   code) {
            code = substr(octal, 1, 1) * 64 + substr(octal, 2, 1) * 8 + substr(octal, 3)
            return code < 32 || code > 126 || code == 92 ? "\\" octal : sprintf("%c", code)
          }')
        ;;
    esac
    fields=$fields$tab$field
  done
  printf '%s\n' "${fields#"$tab"}"
}

# conf_files WHOSE ROOT HOME: this file and all that it includes, each once.
conf_files() {
  whose=$1 asked=$2 queue=$2 own=${3:-}
  while [ -n "$queue" ]; do
    file=${queue%%"$newline"*}
    case $queue in
      *"$newline"*) queue=${queue#*"$newline"} ;;
      *) queue='' ;;
    esac
    case $seen in *"$newline$file$newline"*) continue ;; esac
    seen=$seen$file$newline
    if [ "${#seen}" -gt 65536 ]; then
      record file "$whose" "$file" unreadable 'more includes than are followed'
      continue
    fi
    conf_file
  done
}

others_can='others than root can change it, or a folder on the way'
the_kernels='in /proc, /sys or /dev reading may have effects, or no end'

# The one $file; what it includes joins $queue. Nix resolves an include against the folder of the
# including file; Lix takes '~/' in a person's file for that person's home.
conf_file() {
  if [ ! -e "$file" ] && [ ! -h "$file" ]; then
    # Nor is it seen where a folder on the way is closed, to root too where the network serves it.
    nearest_folder "$file"
    if [ -n "$folder" ] && [ ! -x "$folder" ]; then
      record file "$whose" "$file" unreadable "no permission to look into $folder" ''
      return
    fi
    if ! is_own "$file"; then
      record file "$whose" "$file" unreadable "$others_can" ''
      return
    fi
    # It may have been there when the daemon started. Not where nixtrust's own lock comes and goes.
    gone=''
    if [ "${file%/*}" != "$conf_dir" ] && [ -d "${file%/*}" ]; then
      gone=$(stat -c %Y "${file%/*}" 2>/dev/null || stat -f %m "${file%/*}" 2>/dev/null)
    fi
    record file "$whose" "$file" absent '' "$gone"
    return
  fi
  link=''
  if [ -h "$file" ] || [ -h "${file%/*}" ]; then link=$(real_path "$file"); fi
  if ! is_own "$file"; then
    why=$others_can
  elif [ ! -e "$file" ]; then
    why='a link to nothing'
  elif ! belongs_to_me "$file"; then
    why=$others_can
  elif [ ! -f "$file" ]; then
    why='not a regular file'
  elif [ ! -r "$file" ]; then
    why='no permission to read it'
  elif is_the_kernels "${link:-$file}"; then
    why=$the_kernels
  elif ! read_status; then
    why='stat fails on it'
  elif [ "$size" -gt 1048576 ]; then
    why='larger than 1 MiB'
  elif ! text=$({ redact '|' "${file%/*}" <"$file"; } 2>/dev/null); then
    why='reading it failed'
  else
    [ -z "$link" ] || link_changed
    confs=$confs$file$newline
    [ "$file" = "$asked" ] || included=$included$file$newline
    record file "$whose" "$file" present "$stamp" "$changed" "$link"
    [ -z "$text" ] || printf '%s\n' "$text"
    case $newline$text in
      *"$newline|include "* | *"$newline|!include "*) queue_includes ;;
    esac
    case $whose$newline$text in
      "system$newline"*"|build-users-group = "*)
        builders_group=$(printf '%s\n' "$text" | sed -n 's/^|build-users-group = //p' | sed -n '$p')
        ;;
    esac
    [ "$whose" != system ] || find_programs
    return
  fi
  record file "$whose" "$file" unreadable "$why" "$link"
}

# belongs_to_me FILE: whether root has it, if root looks. Whoever owns a file can hold up each who opens
# it, by a lease (fcntl(2)).
belongs_to_me() {
  # shellcheck disable=SC3067  # all shells that are meant know -O
  [ "$my_uid" != 0 ] || [ -O "$1" ]
}

# Adds to programs, a path a line, what a file says that Nix runs, loads or reads, with all that is in a
# folder of plugins, behind which is a slash, and what a hook is run by. Not of caches, whose builds are
# signed, nor of what may be secret, nor of what is only shown.
find_programs() {
  # No more than was read: somebody may let it grow.
  its=$({ { head -c 1048577 "$file" && printf '\nwhole\n'; } | awk '
    BEGIN {
      passed_over = "^(extra-)?((trusted-|build-)?(substituters|binary-caches)|allowed-uris)$"
      passed_over = passed_over "|^(extra-)?((trusted|binary-cache)-public-keys|access-tokens|impure-env)$"
      passed_over = passed_over "|^(bash-prompt.*|commit-lock-?file-summary|user-agent-suffix)$"
    }
    { sub(/#.*/, "") }
    { gsub(/\r/, " ") }
    $2 == "=" && $1 !~ passed_over {
      kind = $1 ~ /plugin-files$/ ? "loads" : $1 ~ /-hook$/ ? "runs" : $1 ~ /sandbox-paths$/ ? "lets-in" : "reads"
      sub(/^[^=]*=/, "")
      gsub(/[]["{},]/, " ")
      n = split($0, words, " ")
      for (i = 1; i <= n; i++) {
        sub(/^@/, "", words[i])
        tell(words[i])
        # NAME=PATH, what is there in a sandbox by another name, @FILE;@FILE.
        m = split(words[i], pieces, /[=;@]/)
        for (j = 1; m > 1 && j <= m; j++) tell(pieces[j])
      }
    }
    # A path, or an address of one; also without what an address may have behind it, and as it is meant.
    function tell(word,   scheme) {
      while (match(word, /^[a-z][a-z+.-]*:/)) {
        scheme = substr(word, 1, RLENGTH - 1)
        if (scheme !~ /^(flake|path|(.*[+])?file|unix|local|auto|daemon)$/) return
        word = substr(word, RLENGTH + 1)
        if (word ~ /^\/\//) sub(/^\/\/[^\/]*/, "", word)
      }
      if (word !~ /\// || word ~ /^~/) return
      # The daemon stands in /.
      if (word !~ /^\//) word = "/" word
      print kind, word
      if (sub(/[?#;].*/, "", word)) print kind, word
      if (word ~ /%/) print kind, decoded(word)
    }
    function decoded(word,   out, code) {
      out = ""
      while (match(word, /%[0-9A-Fa-f][0-9A-Fa-f]/)) {
        code = 16 * digit(substr(word, RSTART + 1, 1)) + digit(substr(word, RSTART + 2, 1))
        out = out substr(word, 1, RSTART - 1) (code < 33 || code > 126 ? "?" : sprintf("%c", code))
        word = substr(word, RSTART + 3)
      }
      return out word
    }
    function digit(letter) { return index("0123456789abcdef", tolower(letter)) - 1 }
    { last = $0 }
    END { exit last != "whole" }'; } 2>/dev/null)
  be_unread_if "$?" "$file"
  each_line find_program "$its"
}

# find_program KIND PATH: a kind (runs, loads, lets-in or reads) and a path, as one word. Its folder may be root's,
# and it a link to what is not.
find_program() {
  program=${1#* }
  case $1 in
    loads*) programs=$programs$program/$newline ;;
    lets-in*) programs=$programs$program$newline let_in=$let_in$program$newline ;;
    *) programs=$programs$program$newline ;;
  esac
  case $1 in
    runs*)
      if is_own "$program" && [ -f "$program" ] && belongs_to_me "$program"; then
        read_head "$program"
        loaded=${head%%"$newline"*}
        case $loaded in '#!'*) add_words_of "${loaded#'#!'}" ;; esac
      fi
      ;;
    loads*)
      if [ -d "$program" ] && is_roots "$program"; then
        for loaded in "$program"/*; do programs=$programs$loaded$newline; done
      fi
      ;;
  esac
}

# add_words_of TEXT: what is no path is left out later.
add_words_of() {
  set -f
  for loaded in $1; do programs=$programs$loaded$newline; done
  set +f
}

# read_head FILE: sets head to its first lines. It may have no end.
read_head() {
  { left=$(head -c 1024 "$1"); } 2>/dev/null
  head=''
  for _ in 1 2 3 4 5 6; do
    head=$head${left%%"$newline"*}$newline
    case $left in *"$newline"*) left=${left#*"$newline"} ;; *) break ;; esac
  done
}

# is_the_kernels FILE: by where it leads, whatever the way. The shell goes there and back to /, because a
# process for each of thousands of files takes long. Behind a link to / bash begins with two of them.
is_the_kernels() {
  end=$1
  if [ -h "$end" ]; then end=$(real_path "$end"); fi
  cd -P "${end%/*}/" 2>/dev/null || return
  end=$PWD/
  cd /
  case $end in
    /proc/* | /sys/* | /dev/* | //proc/* | //sys/* | //dev/*) ;;
    *) return 1 ;;
  esac
}

# Sets stamp of $file, and of what it leads to size and changed, in seconds since 1970.
read_status() {
  if status=$(stat -L -c "%s %.3Z $stamp_format" "$file" 2>/dev/null); then
    size=${status%% *}
    status=${status#* }
    changed=${status%% *}
    stamp=${status#* }
    [ ! -h "$file" ] || stamp=$(stamp "$file")
  else
    size=$({ wc -c <"$file"; } 2>/dev/null) &&
      changed=$(stat -L -c '%Z' "$file" 2>/dev/null || stat -L -f '%Fc' "$file" 2>/dev/null) &&
      stamp=$(stamp "$file")
  fi
}

# Sets changed of a $file that is a link, or in a folder that is one: when a link on the way or what
# it leads to changed last. In a store the latter tells nothing alone, since optimising it or taking
# out garbage changes the count of links; nor does the former, since NixOS makes its links anew at
# each activation: only both together are a change.
link_changed() {
  relinked=0
  for hop in "${file%/*}" /etc/static "$file"; do
    hops=0
    while [ -h "$hop" ] && [ "$hops" -lt 16 ]; do
      hops=$((hops + 1))
      case $hop in
        /nix/store/* | /etc/static/*) break ;;
        /etc/static) case $(readlink "$file") in /etc/static/*) ;; *) break ;; esac ;;
      esac
      since=$(stat -c %.3Z "$hop" 2>/dev/null || stat -f %Fc "$hop" 2>/dev/null) || break
      [ "${since%.*}" -lt "${relinked%.*}" ] || relinked=$since
      case $(readlink "$hop") in
        /*) hop=$(readlink "$hop") ;;
        *) hop=${hop%/*}/$(readlink "$hop") ;;
      esac
    done
  done
  case $link in
    /nix/store/* | /etc/static/*) [ "${relinked%.*}" -ge "${changed%.*}" ] || changed=$relinked ;;
    *) [ "${relinked%.*}" -lt "${changed%.*}" ] || changed=$relinked ;;
  esac
}

queue_includes() {
  found=$(printf '%s\n' "$text" | folder=${file%/*} own=$own awk "$by_letters"'
    { sub(/^[|]/, "") }
    ($1 == "include" || $1 == "!include") && $2 != "***" && $2 != "???" {
      print by_letters($2 ~ /^\// ? $2 : ENVIRON["folder"] "/" $2)
      if (ENVIRON["own"] != "" && $2 ~ /^~\//) print by_letters(ENVIRON["own"] substr($2, 2))
    }') || be_unread
  queue=${queue:+$queue$newline}$found
}
