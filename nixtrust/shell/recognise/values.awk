# What a value or a word in a text is that is not taken apart further.

# How far around a name is looked. BWK's awk, which is macOS's, takes the square of a text's length
# for a pattern that ends in $.
BEGIN { reach = 4096 }

function end_of(text) {
  return length(text) > reach ? substr(text, length(text) - reach + 1) : text
}

# Whether a command goes on on the next line.
function goes_on(text) {
  return substr(text, length(text) - 80) ~ /\\$|[^|][|][ \t]*$/
}

# What a value is in which something may be expanded: as judged(), or "mixed" if it is more than
# expansions alone.
function weighed(value,   before, fallback) {
  gsub(/^["\047 \t\r\n\001]+|["\047 \t\r\n\001]+$/, "", value)
  if (value !~ /[$`]/ && value !~ /@[{]/) return looks_secret(value) ? "literal" : judged(value)
  if (looks_secret(value) || prints_literal(value)) return "mixed"
  do {
    before = value
    gsub(/[$@][{][A-Za-z0-9_]+(\[[^]]*\])?:?[-=]?[}]/, "", value)
    gsub(/[$][{][A-Za-z0-9_]+:?[?][^{}]*[}]/, "", value)
    gsub(/[$]env[.][A-Za-z0-9_]+/, "", value)
    gsub(/[$]([A-Za-z_][A-Za-z0-9_]*(\[[^]]*\])?|[0-9@*])/, "", value)
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
  return text ~ /^(<[ \t]*)*[(]/ ? prints_literal(text) : is_given(word_of(text))
}

# The word of a command that a text begins with, its quotes off; word_length is what it takes up.
function word_of(text,   whole, out) {
  whole = length(text)
  out = ""
  while (text != "") {
    if (match(text, /^"([^"\\]|\\.|\\\n)*"?/) || match(text, /^\047[^\047]*\047?/)) {
      out = apart(apart(out) without_quotes(substr(text, 1, RLENGTH)))
    } else if (match(text, /^\\./)) {
      out = apart(out) substr(text, 2, 1)
    } else if (match(text, /^[$][{][^}]*[}]?/) || match(text, /^`[^`]*`?/) ||
        match(text, /^[{][{][^}]*[}][}]/) || match(text, /^[^ \t\r\n"\047\\`;&|<>()$]+/) ||
        match(text, /^[$]/)) {
      out = out substr(text, 1, RLENGTH)
    } else if (is_in_substitution(out)) {
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

function without_quotes(text,   mark) {
  mark = substr(text, 1, 1)
  text = substr(text, 2)
  if (substr(text, length(text)) == mark) text = substr(text, 1, length(text) - 1)
  return text
}

# Whether a text ends within $( … ).
function is_in_substitution(text) {
  return text ~ /[$][(]?$/ || (text ~ /[$][(]/ && gsub(/[(]/, "(", text) > gsub(/[)]/, ")", text))
}

# Whether the command that a text ends in only looks for what follows, or keeps it as a message. In
# a database of commands a character that is none of it may stand in front.
function only_looks(text) {
  gsub(/"[^"]*"|\047[^\047]*\047/, "", text)
  sub(/["\047].*/, "", text)
  text = last_command(text)
  sub(/^[ \t]*((sudo|command|env|time)[ \t]+)*/, "", text)
  return text ~ /^.?([efpz]?grep|rg|ag|ack|man|tldr)[ \t]/ ||
    text ~ /^.?git[ \t]+(-[^ \t]+[ \t]+)*(grep|log|commit|show|diff|tag)[ \t]/
}

# BWK's awk takes the square of a text's length for `.*` before what is not there.
function last_command(text,   part) {
  return part[split(text, part, /[;|&(`]/)]
}

# The kind of what looks secret in a command about Cachix; empty if nothing does.
function secret_kind(text) {
  # As Nix writes the hashes of what it downloads.
  gsub(/sha[0-9]+-[A-Za-z0-9+\/=]+/, "", text)
  if (!looks_secret(text)) return ""
  if (tolower(text) !~ /cachix/ && text !~ /[ \t]authtoken[ \t]|(^|[^A-Za-z_])(authToken|secretKey)[ \t]*=/)
    return ""
  return find_variable(text, 1) ? kind_of[named] : "unclear"
}
