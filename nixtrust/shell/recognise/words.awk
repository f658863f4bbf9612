# Words of fish's statements, whose quotes are off. What comes behind has the
# functions assignment(AT, I, IS_WHOLE), which notes the credential that the word at I sets if the
# command's own word is the one at AT, and is_literal_text(TEXT, I), on a value that is the word at I
# or its end. The present word's characters go to `value`; to `inside` in a command substitution.

function begin_statement() { if (!first_line) first_line = NR }

function begin_word() {
  begin_statement()
  if (in_word) return
  in_word = 1
  value = inside = ""
  expands = odd = escaped = continued = 0
  word_line = NR
}

function end_word() {
  if (!in_word) return
  in_word = 0
  words++
  line_of[words] = word_line
  word[words] = value
  within[words] = inside
  is_expanded[words] = expands
  is_odd[words] = odd
  is_escaped[words] = escaped
}

function command(at, is_whole,   i, before) {
  before = findings
  for (i = at; i <= words; i++)
    if (match(word[i], /^[A-Za-z_][A-Za-z0-9_]*(\[[^]]*\])?/)) assignment(at, i, is_whole)
  for (i = at; i <= words; i++) {
    loose(word[i], line_of[i])
    loose(within[i], line_of[i])
  }
  for (i = at; i < words && findings == before; i++)
    if (word[i] in kind_of && is_secret_behind(i)) note(kind_of[word[i]], line_of[i], "compound")
}

function is_literal(i) { return is_literal_text(word[i], i) }

function is_secret_behind(i,   k, next_word) {
  for (k = i + 1; k <= words && !(word[k] in kind_of); k++)
    if (looks_secret(word[k] within[k])) return 1
  next_word = word[i + 1]
  return length(next_word) >= 16 && next_word ~ /^[A-Za-z0-9+\/=_.:-]+$/ && next_word ~ /[0-9]/ \
    && judged(next_word) == "literal"
}

function verdict(is_whole, i) {
  if (NR != first_line) return "several-lines"
  if (doubtful) return "unclear"
  return is_whole && !is_expanded[i] && !is_odd[i] ? "" : "compound"
}

# Texts within a word: what another shell or program is given --------------------------------------

# Every NAME=value or `set … NAME value` in a text that begins on this line.
function loose(text, line,   part, parts, i, at, rest, before, has) {
  parts = split(text, part, "\n")
  for (i = 1; i <= parts; i++) {
    if (noted[line + i - 1] > told) continue
    at = 1
    while ((at = find_variable(part[i], at)) > 0) {
      before = substr(part[i], 1, at - 1)
      rest = substr(part[i], at + length(named))
      has = before !~ /\$\{?$/ && (looks_secret(rest) || is_set(before, rest, i < parts))
      if (has) note(kind_of[named], line + i - 1, "compound")
      at += length(named)
    }
  }
}

# MORE: the text goes on on the next line, as the value may: a backslash there may have gone already.
function is_set(before, rest, more) {
  if (rest ~ /^=[ \t]/) return 0
  if (rest ~ /^["\047]?\]?[ \t]*[:=]/) sub(/^["\047]?\]?[ \t]*[:=]+[ \t]*/, "", rest)
  else if (before !~ /(^|[^A-Za-z0-9])(setenv|set)[ \t]+(-[^ \t]+[ \t]+)*["\047]?$/) return 0
  else if (before ~ /[ \t](-[A-Za-z]*[eqnS]|--(erase|query|names|show))[ \t]/) return 0
  else if (!sub(/^["\047]?[ \t]+/, "", rest)) return 0
  else if (rest == "" && more) return 1
  if (rest ~ /^\\\r?$/) return 1
  gsub(/^[\\"\047]+/, "", rest)
  if (rest ~ /^(`|[$]?[(])/ && prints_literal(rest)) return 1
  sub(/["\047;&|<>) \t\\].*/, "", rest)
  # What stands behind a variable is a literal all the same.
  sub(/^([$][{]?[A-Za-z_][A-Za-z0-9_]*(\[[^]]*\])?(:[a-z]+)?[}]?)+/, "", rest)
  return rest !~ /^[$(`]/ && judged(rest) == "literal"
}
