# Values and commands in a text that is not taken apart further. What comes behind has a function
# report(KIND, LINE, HINDRANCE).

# How far around a name is looked. BWK's awk, which is macOS's, takes the square of a text's length
# for a pattern that ends in $.
BEGIN { reach = 4096 }

function last(text) {
  return length(text) > reach ? substr(text, length(text) - reach + 1) : text
}

# What a value is in which something may be expanded: as judged(), or "mixed" if it is more than
# expansions alone.
function weighed(value,   before, fallback) {
  gsub(/^["\047 \t\r\n\001]+|["\047 \t\r\n\001]+$/, "", value)
  if (value !~ /[$`]/ && value !~ /@[{]/) return looks_secret(value) ? "literal" : judged(value)
  if (looks_secret(value) || prints_literal(value)) return "mixed"
  do {
    before = value
    gsub(/[$@][{][A-Za-z0-9_]+:?[-=]?[}]/, "", value)
    gsub(/[$][{][A-Za-z0-9_]+:?[?][^{}]*[}]/, "", value)
    gsub(/[$]env[.][A-Za-z0-9_]+/, "", value)
    gsub(/[$]([A-Za-z_][A-Za-z0-9_]*|[0-9@*])/, "", value)
    gsub(/[$][(][^()]*[)]/, "", value)
    if (match(value, /[$@][{][A-Za-z0-9_]+:?[-=][^{}]*[}]/)) {
      fallback = substr(value, RSTART, RLENGTH - 1)
      value = substr(value, 1, RSTART - 1) substr(value, RSTART + RLENGTH)
      sub(/^[^-=]*[-=]/, "", fallback)
      if (judged(fallback) == "literal") return "mixed"
    }
  } while (value != before)
  gsub(/`[^`]*`/, "", value)
  gsub(/["\047 \t\r\n\001]+/, "", value)
  return value == "" || is_path(value) ? "reference" : "mixed"
}

function is_given(value) {
  return weighed(value) ~ /^(literal|mixed)$/
}

# Of fish and of <( … ) too, where no dollar sign goes before the command.
function begins_with_literal(text) {
  return text ~ /^(<[ \t]*<)?[(][ \t]*(echo|printf)[ \t][^$`]*[)]/ || is_given(word(text))
}

# The word of a command that a text begins with, its quotes off; word_length is what it takes up.
function word(text,   whole, out) {
  whole = length(text)
  out = ""
  while (text != "") {
    if (match(text, /^"([^"\\]|\\.|\\\n)*"?/) || match(text, /^\047[^\047]*\047?/)) {
      out = apart(apart(out) unquoted(substr(text, 1, RLENGTH)))
    } else if (match(text, /^\\./)) {
      out = apart(out) substr(text, 2, 1)
    } else if (match(text, /^[$][{][^}]*[}]?/) || match(text, /^`[^`]*`?/) ||
        match(text, /^[{][{][^}]*[}][}]/) || match(text, /^[^ \t\r\n"\047\\`;&|<>()$]+/) ||
        match(text, /^[$]/)) {
      out = out substr(text, 1, RLENGTH)
    } else if (is_open(out)) {
      RLENGTH = 1
      out = out substr(text, 1, 1)
    } else {
      break
    }
    text = substr(text, RLENGTH + 1)
  }
  word_length = whole - length(text)
  return out
}

# A quote ends the name of a variable.
function apart(text) {
  return text ~ /[$][A-Za-z0-9_]*$/ ? text "\001" : text
}

function unquoted(text,   quote) {
  quote = substr(text, 1, 1)
  text = substr(text, 2)
  if (substr(text, length(text)) == quote) text = substr(text, 1, length(text) - 1)
  return text
}

# Whether a text ends within $( … ).
function is_open(text) {
  return text ~ /[$][(]?$/ || (text ~ /[$][(]/ && gsub(/[(]/, "(", text) > gsub(/[)]/, ")", text))
}

function newlines(text) {
  return gsub(/\n/, "\n", text)
}

# Tells of each variable that is given a literal somewhere in a text, whose first line is FIRST.
function tell_variables(text, first, hindrance,   at, start, name, following) {
  at = find_variable(text, 1)
  while (at > 0) {
    name = named
    start = at + length(name)
    following = find_variable(text, start)
    if (gets_literal(last(substr(text, 1, at - 1)), substr(text, start, reach)) ||
        looks_secret(following ? substr(text, start, following - start) : substr(text, start)))
      report(kind_of[name], first + newlines(substr(text, 1, at)), hindrance)
    at = following
  }
}

# Whether a variable that stands between these two texts is given a literal.
function gets_literal(before, after) {
  if (before ~ /[$][{]$/) {
    if (!match(after, /^:?[-=]/)) return 0
    after = substr(after, RLENGTH + 1)
    sub(/[}].*$/, "", after)
    return is_given(after)
  }
  if (before ~ /[$]$/ || only_looks(before)) return 0
  if (before ~ /(^|[^A-Za-z0-9_-])(setenv|setx|set)([ \t]+-[-A-Za-z]+)*[ \t]+["\047]?$/ &&
      match(after, /^["\047]?[ \t]+/)) {
    after = substr(after, RLENGTH + 1)
    # gh secret set NAME --body VALUE
    return (sub(/^(-b|--body)[ \t=]+/, "", after) || after !~ /^-/) && begins_with_literal(after)
  }
  if (before ~ /["\047]$/ && after ~ /^=[ \t\n]/)
    return begins_with_literal(substr(before, length(before)) substr(after, 2))
  sub(/^["\047\]\\]+/, "", after)
  if (after ~ /^[ \t]*==/) return 0
  if (!match(after, /^[ \t]+[:+]?=[ \t]*/) && !match(after, /^[:+]?=/) && !match(after, /^:[ \t]*/))
    return 0
  return begins_with_literal(substr(after, RLENGTH + 1))
}

# Whether the command that a text ends in only looks for what follows, or keeps it as a message. In
# a database of commands a character that is none of it may stand in front.
function only_looks(text) {
  gsub(/"[^"]*"|\047[^\047]*\047/, "", text)
  sub(/["\047].*/, "", text)
  sub(/.*[;|&]/, "", text)
  return text ~ /(^.?|[ \t(])([efpz]?grep|rg|ag|ack|git|man|tldr)[ \t]/
}
