# fish: config.fish, conf.d/*.fish, functions/*.fish. Read as fish's tokenizer and parser do
# (fish-shell src/tokenizer.cpp, src/parse_constants.h), far enough to know for each statement where
# it begins and ends, its words without quotes, and the block it stands in.
# A character of a word goes to `value`, or, in a command substitution, to `inside`.

BEGIN {
  level = parens = 0    # what is open within a word: quotes, parentheses, braces
  told = 0              # how many findings there were before this statement
  words = 0             # how many words it has so far
  depth = 0             # how many blocks are open
  branch = branches = 0 # the part of a block between two of its keywords; 0 is the file itself
  lost_from = 0         # the line from which the blocks or quotes are not understood
  LONG = 4096           # characters of a word kept at a time: it would be quadratic otherwise
}

{
  note_indirect($0, NR)
  note_mention($0)
  text = $0 "\n"
  read_line()
}

END {
  if (level) lose(word_line)
  end_word()
  end_statement("\n")
  if (depth) lose(block_line[1])
  tell_findings()
}

# Words -----------------------------------------------------------------------------------------

function read_line(   i, c, after, size) {
  size = length(text)
  window = 0
  for (i = 1; i <= size; i++) {
    c = char(i)
    after = char(i + 1)
    if (level) i += read_open(c, after, i)
    else if (c == "\\") {
      # With a carriage return fish sees no continuation where its writer did.
      if (substr(text, i + 1, 2) == "\r\n") { lose(NR); i++; after = "\n" }
      if (after == "\n" && !in_word) { continued = 1; begin_statement() }
      else { begin_word(); escaped = 1; value = value after }
      i++
    }
    else if (c ~ /[ \t\r]/) end_word()
    else if (c == "\n" || c == ";") { end_word(); end_statement(c) }
    else if (c == "#" && !in_word) {
      # A comment behind an escaped newline does not end the statement.
      if (continued) return
      i = size - 1
    }
    else if (c == "&" && in_word && after !~ /[ \t\r\n;|<>&]/) { odd = 1; value = value c }
    else if (c == "&" || c == "|") {
      end_word()
      if (c == "&" && after ~ /[>|]/) redirected = 1
      else if (after == c) { end_statement(c c); i++ }
      else end_statement(c)
    }
    else if (c == "<" || c == ">") { end_word(); redirected = 1 }
    else if ((c == "{" || c == "}") && !in_word && after ~ /[ \t\r\n;]/ && is_brace(c)) {
      if (c == "}") end_statement(";")
      begin_word(); value = c; end_word()
    }
    else { begin_word(); i += read_open(c, after, i) }
  }
}

# Whether a brace that stands alone groups commands, as fish has it since 4.1.
function is_brace(c) {
  return c == "{" ? !words : depth && block_word[depth] == "{"
}

# Reads one character within a word; tells how many more it took.
function read_open(c, after, i,   inner) {
  inner = level ? open[level] : ""
  if (inner == "\047") {
    if (c == "\\" && (after == "\\" || after == "\047")) { keep(after); return 1 }
    if (c == "\047") level--
    else keep(c)
  } else if (inner == "\"") {
    if (c == "\\" && after ~ /[\\"$\n]/) { keep(after); return 1 }
    if (c == "\"") { level--; if (parens) keep(c) }
    else if (c == "$") return read_dollar(after, i)
    else keep(c)
  } else if (inner == "(" && c == "#" && (i == 1 || char(i - 1) ~ /[ \t;(]/))
    return length(text) - i - 1
  else if (c == "\\") { escaped = 1; keep(after); return 1 }
  else if (c == "\047" || c == "\"") { if (parens) keep(c); push(c) }
  else if (c == "(") { keep_paren(c); push("("); parens++ }
  else if (c == ")" && inner == "(") { level--; parens--; keep_paren(c); return skip_index(i) }
  else if (c == "{") { odd = 1; keep(c); push("{") }
  else if (c == "}" && inner == "{") { keep(c); level-- }
  else if (c == "$" && !parens) return read_dollar(after, i)
  else {
    if (c ~ /[*?~]/ && !parens) odd = 1
    keep(c)
  }
  return 0
}

function read_dollar(after, i,   rest) {
  if (after == "(") { keep_paren("$("); push("("); parens++; return 1 }
  if (parens) { keep("$"); return 0 }
  rest = substr(text, i + 1, 200)
  if (!match(rest, /^\$*[A-Za-z0-9_^]+(\[[^]"\047()\n]*\])*/)) { odd = 1; keep("$"); return 0 }
  expands = 1
  return RLENGTH
}

# How long the index behind a command substitution is, as in (command)[1].
function skip_index(i) {
  if (parens || char(i + 1) != "[") return 0
  return match(substr(text, i + 1, 200), /^\[[^]"\047()\n]*\]/) ? RLENGTH : 0
}

function push(c) { open[++level] = c }

function keep_paren(c) { expands = 1; inside = inside c }

function keep(c) {
  if (parens) inside = inside c
  else value = value c
  if (c == "\n" && length(value) + length(inside) > LONG) {
    loose(value, word_line)
    loose(inside, word_line)
    value = "\n"
    inside = ""
    word_line = NR
  }
}

# Statements ------------------------------------------------------------------------------------

function end_statement(separator,   at, is_whole, before) {
  continued = 0
  if (!words) {
    if (separator == "\n") first_line = 0
    return
  }
  before = findings
  at = keywords()
  is_whole = at == 1 && !redirected && !joined && separator ~ /[\n;]/ && previous_line != first_line
  # What follows on the line, or hangs on this statement's status, makes it a part of more.
  if (previous_line == first_line || joined || word[1] ~ /^(and|or)$/) hinder(previous_found)
  previous_found = 0
  if (at <= words) command(at, is_whole)
  if (findings == before + 1 && hindrance[findings] == "") {
    previous_found = findings
    branch_of[findings] = branch
  } else if (counts) content[branch]++
  joined = separator !~ /^[\n;&]$/
  previous_line = NR
  words = first_line = redirected = 0
  told = findings
}

# Follows the blocks; gives the position of the command's own word.
function keywords(   p, w) {
  # Statements behind `if` that begin with and/or are still its condition.
  if (depth && in_condition[depth] && !joined && word[1] !~ /^(and|or)$/) in_condition[depth] = 0
  counts = !(depth && in_condition[depth])
  for (p = 1; p <= words; p++) {
    w = word[p]
    if (is_expanded[p] || w !~ /^([a-z]+|[!{}])$/) return p
    if (w ~ /^(and|or|not|!|time|command|builtin|exec)$/) continue
    if (w !~ /^(if|while|begin|\{|for|function|switch|else|case|end|\})$/) return p
    if (is_escaped[p]) { lose(first_line); return p }
    if (w ~ /^(else|case|end|\})$/) {
      counts = 0
      if (!depth) { lose(first_line); return p + 1 }
      in_condition[depth] = 0
      if (w ~ /^(end|\})$/) { depth--; branch = depth ? block_branch[depth] : 0; return p + 1 }
      block_branch[depth] = branch = ++branches
      if (w == "case") return p + 1
      if (word[p + 1] == "if" && p < words) { in_condition[depth] = 1; p++ }
      continue
    }
    if (counts) { content[branch]++; counts = 0 }
    block_word[++depth] = w
    block_line[depth] = first_line
    block_branch[depth] = branch = ++branches
    in_condition[depth] = w ~ /^(if|while)$/
    if (w ~ /^(for|function|switch)$/) return p + 1
  }
  return p
}

# A word that begins with a name: NAME=value, or NAME and its values in words of their own.
function assignment(at, i, is_whole,   name, rest, values) {
  name = substr(word[i], 1, RLENGTH)
  rest = substr(word[i], RLENGTH + 1)
  sub(/\[.*/, "", name)
  if (!(name in kind_of)) return
  if (rest ~ /^=/) {
    if (is_literal_text(substr(rest, 2), i))
      note(kind_of[name], line_of[i], verdict(is_whole && word[at] == "export" && words == 2, i))
  } else if (rest == "" && i < words && sets(at, i)) {
    for (values = i + 1; values <= words; values++) if (is_literal(values)) {
      is_whole = is_whole && i == words - 1 && word[i] == name && !appends
      note(kind_of[name], line_of[i], verdict(is_whole && word[at] ~ /^set(env)?$/, values))
      return
    }
  }
}

# Whether the words from AT to the name at I set it: `set` with its options, or the like of it.
function sets(at, i,   k) {
  appends = 0
  if (at > 1 && word[at - 1] == "for") return at == i
  if (word[at] == "set") {
    for (k = at + 1; k < i; k++) {
      if (word[k] !~ /^-/) return 0
      if (word[k] ~ /^(-[A-Za-z]*[eqnSh][A-Za-z]*|--(erase|query|names|show|help))$/) return 0
      if (word[k] !~ /^-([gxUlfuL]+|-|-(export|global|universal|local|function|unexport|long))$/)
        appends = 1
    }
    return 1
  }
  for (k = at; k < i; k++) if (word[k] ~ /setenv|(^|[-_])set([-_]|$)/) return 1
  return 0
}

# Whether a value that is a word or the end of one is more than expansions.
function is_literal_text(text, i) {
  gsub(/\n/, "", text)
  if (looks_secret(text within[i])) return 1
  if (prints_literal(within[i])) return 1
  return judged(text) == "literal"
}
