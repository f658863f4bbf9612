# `cachix authtoken TOKEN` in a text that is not taken apart further. Goes behind values.awk.

# Whether a text holds a command of cachix that is given the token itself.
function has_login(text,   at, start, tries) {
  start = 1
  # No line that a person wrote has more.
  for (tries = 0; tries < 50 && (at = index(substr(text, start), "authtoken")) > 0; tries++) {
    at += start - 1
    start = at + length("authtoken")
    if (is_login(end_of(substr(text, 1, at - 1)), substr(text, start, reach))) return 1
  }
  return 0
}

# Whether `authtoken` between these two texts is a command of cachix that holds the token itself, and
# no prose: cachix/cachix src/Cachix/Client/OptionsParser.hs.
function is_login(before, after,   segment, mark) {
  segment = last_of(before)
  if (segment !~ /cachix/ || before !~ /[ \t\n"\047]$/ || only_looks(before)) return 0
  mark = substr(before, length(before))
  if (mark ~ /["\047]/ && substr(after, 1, 1) == mark) after = substr(after, 2)
  else mark = open_quote(segment)
  if (after !~ /^[ \t\n|<;&]/) after = ""
  if (mark != "" && mark == open_quote(segment)) after = before_quote(after, mark)
  return is_argument_given(after) || is_piped(before)
}

function last_of(text,   part) {
  return part[split(text, part, /[;|&]/)]
}

# The quote that is open at a text's end.
function open_quote(text,   mark, within) {
  within = ""
  while (match(text, /["\047\\]/)) {
    mark = substr(text, RSTART, 1)
    text = substr(text, RSTART + 1)
    if (mark == "\\") { if (within != "\047") text = substr(text, 2) }
    else if (within == "") within = mark
    else if (within == mark) within = ""
  }
  return within
}

function before_quote(text, mark,   at) {
  at = mark == "\"" ? match(text, /(^|[^\\])"/) + RLENGTH - 1 : index(text, mark)
  if (at > 0) text = substr(text, 1, at - 1)
  if (mark == "\"") gsub(/\\"/, "\"", text)
  return text
}

function is_argument_given(text,   argument, skips) {
  skips = 0
  for (;;) {
    sub(/^[ \t\r\n]+/, "", text)
    if (text ~ /^#/) return 0
    if (text ~ /^<<</) {
      sub(/^<<<[ \t]*/, "", text)
      return is_given(word_of(text))
    }
    if (text ~ /^<</) return documents_count
    argument = word_of(text)
    if (word_length == 0) return begins_with_literal(text)
    text = substr(text, word_length + 1)
    if (argument ~ /^[0-9]$/ && text ~ /^[<>]/) return 0
    if (argument ~ /^(-h|--help)$/) return 0
    if (skips) skips = 0
    else if (argument ~ /^-/) skips = argument ~ /^(-c|--config|--host|--hostname)$/
    else return is_given(argument) && (looks_secret(argument) || text !~ /^[ \t]+[A-Za-z]/)
  }
}

# Whether a literal is piped into the command that a text ends with.
function is_piped(before,   argument) {
  if (!sub(/[|][^|;&]*$/, "", before)) return 0
  sub(/.*([;&]|[|][|])/, "", before)
  # nushell
  if (before ~ /^[ \t]*("[^"$]+"|\047[^\047]+\047)[ \t]*$/) return is_given(before)
  if (!match(before, /(^|[^A-Za-z0-9_])(echo|printf|print)[ \t]+/)) return 0
  before = substr(before, RSTART + RLENGTH)
  for (;;) {
    sub(/^[ \t\r\n]+/, "", before)
    argument = word_of(before)
    if (word_length == 0) return 0
    before = substr(before, word_length + 1)
    if (argument !~ /^-/ && argument !~ /^%s/) return is_given(argument)
  }
}
