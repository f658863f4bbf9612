# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the others it is one script
# Further files to look into, to which others lead. Follows candidates.sh, and candidates_of_pointer,
# which is made from the catalogue.

# The places of a person where a start-up file of theirs, or of the system's, sets the variables that
# say where files lie.
candidates_elsewhere() {
  set -f
  IFS=$newline
  # shellcheck disable=SC2086  # a list
  leading=$(grep -lE "$location_names" $all_startups /dev/null 2>/dev/null)
  # What could not be searched may lead anywhere.
  if [ "$?" -gt 1 ]; then leading=$all_startups; fi
  for line in ${leading:+$homes}; do
    unset IFS
    person=${line%%"$tab"*} home=${line#*"$tab"} startups=''
    IFS=$newline
    for file in $leading; do
      case $file in
        "$home"/*) startups=$startups$file$newline ;;
        *) case $newline$system_startups in *"$newline$file$newline"*) startups=$startups$file$newline ;; esac ;;
      esac
    done
    located='' locations=0
    # One that is found elsewhere may lead to a third.
    for _ in 1 2 3; do
      follow_locations || break
    done
    IFS=$newline
  done
  unset IFS
  set +f
}

# Succeeds if the start-up files that are known by now lead to more places.
follow_locations() {
  IFS=$newline
  # shellcheck disable=SC2086  # a list
  lines=${startups:+$(find_locations $startups)}
  # shellcheck disable=SC2086  # a list
  be_unread_if "$?" $startups
  [ "$lines" != "$located" ] || return
  known_already=$newline$located$newline located=$lines
  for line in $lines; do
    case $known_already in *"$newline$line$newline"*) continue ;; esac
    IFS=''
    name=${line%%"$tab"*} path=${line#*"$tab"}
    # One where others may have laid any number of names stays a pattern.
    before=${path%%[*]*}
    if may_list "${before%/*}"; then set +f; fi
    # shellcheck disable=SC2086  # a pattern, if a component of it is not known
    for path in $path; do
      unset IFS
      set +f
      locations=$((locations + 1))
      if [ "$locations" -gt "$most_locations" ]; then
        place=cachix-dhall
        unread_place "$path" "$too_many"
        set -f
        return 1
      fi
      follow_location
    done
    set -f
    IFS=$newline
  done
}

follow_location() {
  case $name in
    unknown)
      place=cachix-dhall
      unread_place "$path" 'it says where files lie in a way that is not known before it runs'
      return
      ;;
  esac
  candidates_of_location "$name" "$path"
  follow_links
  [ "$name" = XDG_CONFIG_HOME ] || return 0
  # A start-up file of root's may name a folder of somebody else's.
  file=$path/nix/nix.conf
  if [ -f "$file" ] && is_own "$file"; then
    if is_the_kernels "$file"; then
      place=netrc
      unread_place "$file" "$the_kernels"
    else
      confs=$confs$file$newline
    fi
  fi
}

# NAME VALUE of each such variable that one of the files sets to a path, or to one below another. A
# component that is not known before the file runs is a `*`; if that is not enough, unknown FILE.
find_locations() {
  awk -v home="$home" -v person="$person" -v usual="$usual" -v names="$location_names" \
    -v most="$most_locations" '
    BEGIN {
      known["HOME"] = home
      known["USER"] = known["LOGNAME"] = person
      n = split(usual, pair, " ")
      for (i = 1; i <= n; i++) {
        split(pair[i], part, "=")
        is_location[part[1]]
        known[part[1]] = part[2] == "" ? home : home "/" part[2]
      }
      NAME = "[A-Za-z_][A-Za-z0-9_]*"
      by_set = "set(env)?[ \t]+(-[-A-Za-z]+[ \t]+)*" NAME "[ \t]+(=[ \t]*)?"
      ends_word = "[ \t\r;)}&|<>]"
      around = "(export|readonly|declare|typeset|env)[ \t]+([^;&|]*[ \t])?[\"\047]$"
      held = ""
      assignment = "(^|[^A-Za-z0-9_$-])(" NAME "[ \t]*:?=[ \t]*|" by_set ")"
    }
    FNR == 1 && held != "" { read_line(held) }
    FNR == 1 { file = FILENAME }
    {
      line = held $0
      held = ""
      # A backslash joins lines.
      if (line ~ /\\$/ && line !~ /^[ \t]*#/ && length(line) < 4096)
        held = substr(line, 1, length(line) - 1)
      else read_line(line)
    }
    END { if (held != "") read_line(held) }
    function read_line(line,   value, other, before, name, mark, is_whole) {
      if (line !~ /=|set/) return
      sub(/^[ \t]*/, "", line)
      if (line ~ /^#/) return
      # What is set if nothing else is.
      while (match(line, /[$][{][A-Z_]+:?-[^{}]*[}]/)) {
        value = other = substr(line, RSTART, RLENGTH - 1)
        gsub(/^[$][{]|:?-.*/, "", other)
        if (other in set) value = "${" other "}"
        else sub(/^[^-]*-/, "", value)
        line = substr(line, 1, RSTART - 1) value substr(line, RSTART + RLENGTH)
      }
      before = ""
      while (match(line, assignment)) {
        name = substr(line, RSTART, RLENGTH)
        sub(/[ \t:=]+$/, "", name)
        sub(/.*[^A-Za-z0-9_]/, "", name)
        before = before substr(line, 1, RSTART)
        line = substr(line, RSTART + RLENGTH)
        mark = open_quote(before)
        # Of braces, or of quotes around the name too, all is the value. In others a command stands.
        is_whole = before ~ /[{]$/ || (mark != "" && before ~ around)
        if (before ~ /[{]$/) mark = "}"
        else if (substr(line, 1, 1) == mark) mark = ""
        learn(name, resolved(first_word(line, mark, is_whole ? "" : ends_word)), before, line)
        # No blank ends it there.
        if (file ~ /\/environment([.]d\/[^\/]*|[^\/]*)$/)
          learn(name, resolved(first_word(line, "", "")), before, line)
      }
    }
    function learn(name, value, before, after) {
      if (value ~ /^\/[^\001-\037$`\\]+$/) {
        known[name] = value
        set[name]
        if (name in is_location) tell(name, value)
      } else if (name in is_location && value ~ /[\001$`\\]/ && sets_it(before, after))
        tell("unknown", file)
    }
    # The quote that is open at the end of what is before a name.
    function open_quote(text,   mark, c) {
      mark = ""
      while (match(text, /["\047\\]/)) {
        c = substr(text, RSTART, 1)
        text = substr(text, RSTART + 1)
        if (c == "\\") { if (mark != "\047") text = substr(text, 2) }
        else if (mark == "") mark = c
        else if (mark == c) mark = ""
      }
      return mark
    }
    # The word that a text begins with, without its quotes, up to STOP, or to what ENDS a word. What a
    # command is to tell is a \001; two are what goes on on the next line.
    function first_word(text, stop, ends,   out, mark, c, chunk) {
      text = substr(text, 1, 8192)
      gsub(/[$]?[(][^()]*[)]|`[^`]*`/, "\001", text)
      out = mark = ""
      for (; text != ""; text = substr(text, length(chunk) + 1)) {
        chunk = c = substr(text, 1, 1)
        if (c == mark) mark = ""
        else if (c == stop) break
        else if (match(text, /^[$][{][^{}]*[}]/)) {
          chunk = substr(text, 1, RLENGTH)
          out = out (chunk ~ /^[$][{][A-Za-z_][A-Za-z0-9_]*[}]$/ ? chunk : "\001")
        } else if (mark != "\047" && c == "\\") {
          chunk = substr(text, 1, 2)
          out = out substr(text, 2, 1)
        } else if (mark == "" && ends != "" && c ~ ends) break
        else if (mark == "" && c ~ /["\047]/) mark = c
        else if (c != "$" || mark != "" || substr(text, 2, 1) !~ /["\047]/) out = out c
      }
      if (mark != "") return out "\001\001"
      sub(/[ \t\r]+$/, "", out)
      return out
    }
    # With what is known in the place of variables.
    function resolved(text,   name, out) {
      out = ""
      while (match(text, /[$]([{][A-Za-z_][A-Za-z0-9_]*[}]|[A-Za-z_][A-Za-z0-9_]*)/)) {
        name = substr(text, RSTART, RLENGTH)
        gsub(/[${}]/, "", name)
        out = out substr(text, 1, RSTART - 1) (name in known ? known[name] : "\001")
        text = substr(text, RSTART + RLENGTH)
      }
      text = out text
      # A pattern that somebody wrote is not followed. \177 stands for one of ours.
      gsub(/[*]/, "\001", text)
      if (text !~ /^~[^\/]/) sub(/^~/, home, text)
      else sub(/^~[^\/]*/, "\001", text)
      sub(/\/+$/, "", text)
      # Not where it could be anything in the home.
      if (text ~ /^\/[^\001\177]+\/[^\001\177]*\001[^\001\/\177]*(\/[^\001\177]*)?$/ &&
          index(text, home "/\001") != 1)
        sub(/\001/, "\177", text)
      return text
    }
    # Whether an assignment is for more than one command.
    function sets_it(before, after) {
      gsub(/[$]?[(][^()]*[)]|`[^`]*`|"[^"]*"|\047[^\047]*\047/, "x", after)
      return before !~ /(alias|abbr|env)[ \t]/ && after !~ /^[^ \t;&|]*[ \t]+[A-Za-z0-9_.\/~-]/
    }
    function tell(name, value) {
      # What the shell would take for a pattern.
      if (name != "unknown") gsub(/[[?]/, "[&]", value)
      gsub(/\177/, "*", value)
      if ((name, value) in told) return
      told[name, value]
      print name "\t" value
      # One more is told as too many.
      if (++places > most) exit
    }' "$@" 2>/dev/null
}

# What settings of nix.conf and of units lead to.
candidates_of_settings() {
  person='' home=/nonexistent place=netrc
  set -f
  IFS=$newline
  pointers=''
  # shellcheck disable=SC2086  # lists
  {
    [ -z "$confs" ] || point find_pointers_of_nix $confs
    [ -z "$units" ] || point find_pointers_of_units $units
    [ -z "$plists" ] || point find_pointers_of_plists $plists
  }
  set -- /etc/determinate/config.json
  if is_the_kernels "$1"; then
    unread_place "$1" "$the_kernels"
  else
    point find_pointers_of_determinate "$1"
  fi
  # Last, since there may be more than are followed.
  # shellcheck disable=SC2086  # a list
  [ -z "$included" ] || point find_included $confs
  followed=0
  for line in $pointers; do
    set +f
    unset IFS
    followed=$((followed + 1))
    if [ "$followed" -gt "$most_pointers" ]; then
      unread_place "${line#*"$tab"}" "$too_many"
      break
    fi
    candidates_of_pointer "${line%%"$tab"*}" "${line#*"$tab"}"
    set -f
    IFS=$newline
  done
  unset IFS
  set +f
  follow_links
}

# point BY FILE…: what it finds in these files joins pointers.
point() {
  pointers=$pointers$("$@")$newline
  pointed=$?
  shift
  be_unread_if "$pointed" "$@"
}

find_pointers_of_nix() {
  awk '
    /netrc-file|secret-key-files/ {
      sub(/#.*/, "")
      gsub(/[\t\r]/, " ")
      n = split($0, token, " ")
      sub(/^extra-/, "", token[1])
      if (token[2] != "=" || token[1] !~ /^(netrc-file|secret-key-files)$/) next
      # A path alone may have blanks.
      if (token[1] == "netrc-file") {
        for (i = 4; i <= n; i++) token[3] = token[3] " " token[i]
        n = 3
      }
      for (i = 3; i <= n; i++) if (token[i] ~ /^\//) print token[1] "\t" token[i]
    }' "$@" 2>/dev/null
}

# find_included CONF…: of these what others include, each but once, whatever names lead to it: that of the
# file before that of a link.
find_included() {
  ends=$newline
  for links in '' yes; do
    for file; do
      if [ -h "$file" ]; then [ -n "$links" ] || continue; else [ -z "$links" ] || continue; fi
      end=$file
      if [ -h "$file" ]; then end=$(real_path "$file"); fi
      cd -P "${end%/*}/" 2>/dev/null || continue
      end=${PWD%/}/${end##*/}
      case $ends in *"$newline$end$newline"*) continue ;; esac
      ends=$ends$end$newline
      case $newline$included in *"$newline$file$newline"*) printf 'include\t%s\n' "$file" ;; esac
    done
  done
}

# systemd.exec(5), systemd.unit(5). Of what a unit loads as its credentials only if it is about Cachix.
find_pointers_of_units() {
  awk '
    FNR == 1 { begin_unit() }
    tolower($0) ~ /cachix/ { about = 1 }
    /^[ \t]*[#;]/ { next }
    {
      line = line $0
      if (sub(/\\[ \t\r]*$/, " ", line)) next
    }
    line ~ /^[ \t]*EnvironmentFile[ \t]*=/ {
      value = path("^[^=]*=[ \t]*-?")
      if (value ~ /^\/[^%]*$/) print "EnvironmentFile\t" value
      else if (value != "") kept = kept "unit-not-followed\t" FILENAME "\n"
    }
    line ~ /^[ \t]*LoadCredential[ \t]*=/ {
      value = path("^[^=]*=[ \t]*[^:]*:")
      if (value ~ /^\/[^%*]*$/) kept = kept "LoadCredential\t" value "\n"
      else if (value ~ /[%*]/) kept = kept "unit-not-followed\t" FILENAME "\n"
    }
    { line = "" }
    END { tell_kept() }
    function begin_unit() {
      tell_kept()
      about = tolower(FILENAME) ~ /cachix/
      line = kept = ""
      home = unit = FILENAME
      own = sub(/\/[.](config|local)\/.*/, "", home)
      # Of a drop-in it is the folder.
      sub(/[.]d\/[^\/]*$/, "", unit)
      sub(/.*\//, "", unit)
      # A template has any instance.
      sub(/@[.]/, "@*.", unit)
      stem = unit
      sub(/[.][a-z]+$/, "", stem)
      prefix = stem
      sub(/@.*/, "", prefix)
      instance = substr(stem, length(prefix) + 2)
    }
    function path(before,   value) {
      value = line
      sub(before, "", value)
      gsub(/["\r]/, "", value)
      sub(/[ \t]+$/, "", value)
      gsub(/%h/, own ? home : "/root", value)
      gsub(/%E/, own ? home "/.config" : "/etc", value)
      gsub(/%S/, own ? home "/.local/state" : "/var/lib", value)
      gsub(/%n/, unit, value)
      gsub(/%N/, stem, value)
      gsub(/%p/, prefix, value)
      gsub(/%[iI]/, instance, value)
      return value
    }
    function tell_kept() { if (about) printf "%s", kept }' "$@" 2>/dev/null
}

# launchd.plist(5). Of what a job about Cachix is started with, or waits for, what is called a secret.
find_pointers_of_plists() {
  awk '
    FNR == 1 {
      tell_kept()
      about = tolower(FILENAME) ~ /cachix/
      kept = key = ""
      home = FILENAME
      sub(/\/Library\/.*/, "", home)
    }
    {
      if (tolower($0) ~ /cachix/) about = 1
      line = $0
      gsub(/&[a-z]+;/, " ", line)
      gsub(/[$]HOME|[$][{]HOME[}]|~/, home, line)
      while (match(line, /<key>[^<]*<|\/[^] \t<>"\047;|:=()$`\r]+/)) {
        word = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        if (word ~ /^<key>/) key = word
        else if (key ~ />(ProgramArguments|WatchPaths)</) keep(word)
      }
    }
    END { tell_kept() }
    function keep(path) {
      if (path ~ /^\/nix\/store\/|\/bin\/|[.](log|sock|plist|dhall)$/) return
      if (tolower(path) ~ /token|secret|credential|cachix|[.]env$/)
        kept = kept "ProgramArguments\t" path "\n"
    }
    function tell_kept() { if (about) printf "%s", kept }' "$@" 2>/dev/null
}

# https://docs.determinate.systems: authentication.additionalNetrcSources, a list of paths.
find_pointers_of_determinate() {
  [ -r "$1" ] || return 0
  awk '
    { all = all $0 " " }
    END {
      if (!sub(/.*"additionalNetrcSources"[^[]*\[/, "", all)) exit
      sub(/\].*/, "", all)
      n = split(all, part, "\"")
      for (i = 2; i <= n; i += 2) if (part[i] ~ /^\//) print "additionalNetrcSources\t" part[i]
    }' "$1" 2>/dev/null
}
