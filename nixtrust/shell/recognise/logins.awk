# `cachix authtoken TOKEN` in a text that is not taken apart further. Goes behind text.awk.

# Tells of each `cachix authtoken TOKEN` in a text, whose first line is FIRST.
function tell_logins(text, first, hindrance,   at, start, before) {
  start = 1
  while ((at = index(substr(text, start), "authtoken")) > 0) {
    at += start - 1
    start = at + length("authtoken")
    before = substr(text, 1, at - 1)
    if (is_login(last(before), substr(text, start, reach)))
      report("auth-token", first + newlines(before), hindrance)
  }
}

# Whether `authtoken` between these two texts is a command of cachix that holds the token itself:
# cachix/cachix src/Cachix/Client/OptionsParser.hs.
function is_login(before, after,   command, quote) {
  command = before
  sub(/.*[;|&]/, "", command)
  if (command !~ /cachix/ || before !~ /[ \t\n"\047]$/) return 0
  quote = substr(before, length(before))
  if (quote ~ /["\047]/ && substr(after, 1, 1) == quote) after = substr(after, 2)
  else quote = open_quote(command)
  if (after !~ /^[ \t\n|<;&]/) after = ""
  if (quote != "" && quote == open_quote(command)) after = before_quote(after, quote)
  return is_argument_given(after) || is_piped(before)
}

# The quote that is open at a text's end.
function open_quote(text,   quote, mark) {
  quote = ""
  while (match(text, /["\047\\]/)) {
    mark = substr(text, RSTART, 1)
    text = substr(text, RSTART + 1)
    if (mark == "\\") { if (quote != "\047") text = substr(text, 2) }
    else if (quote == "") quote = mark
    else if (quote == mark) quote = ""
  }
  return quote
}

function before_quote(text, quote,   at) {
  at = quote == "\"" ? match(text, /(^|[^\\])"/) + RLENGTH - 1 : index(text, quote)
  if (at > 0) text = substr(text, 1, at - 1)
  if (quote == "\"") gsub(/\\"/, "\"", text)
  return text
}

function is_argument_given(text,   argument, skips) {
  skips = 0
  for (;;) {
    sub(/^[ \t\r\n]+/, "", text)
    if (text ~ /^<<</) {
      sub(/^<<<[ \t]*/, "", text)
      return is_given(word(text))
    }
    if (text ~ /^<</) return 1
    argument = word(text)
    if (word_length == 0) return begins_with_literal(text)
    text = substr(text, word_length + 1)
    if (argument ~ /^[0-9]$/ && text ~ /^[<>]/) return 0
    if (argument ~ /^(-h|--help)$/) return 0
    if (skips) skips = 0
    else if (argument ~ /^-/) skips = argument ~ /^(-c|--config|--host|--hostname)$/
    else return is_given(argument)
  }
}

# Whether a literal is piped into the command that a text ends with.
function is_piped(before,   argument) {
  if (!sub(/[|][^|;&]*$/, "", before)) return 0
  sub(/.*([;&]|[|][|])/, "", before)
  if (!match(before, /(^|[^A-Za-z0-9_])(echo|printf|print)[ \t]+/)) return 0
  before = substr(before, RSTART + RLENGTH)
  for (;;) {
    sub(/^[ \t\r\n]+/, "", before)
    argument = word(before)
    if (word_length == 0) return 0
    before = substr(before, word_length + 1)
    if (argument !~ /^-/ && argument !~ /^%s/) return is_given(argument)
  }
}
