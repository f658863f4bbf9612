# csh and tcsh: .cshrc, .tcshrc, .login, /etc/csh.*. Read as tcsh's lexer and its control flow do
# (tcsh sh.lex.c, sh.func.c), far enough to know for each statement where it begins and ends, its
# words without quotes, and the block it stands in. A newline that no backslash escapes ends every
# statement and must not stand within quotes or parentheses.
# A character of a word goes to `value`, or, between backticks, to `inside`.

BEGIN {
  quote = ""            # the quote that is open within a word
  backtick = 0          # whether a backtick is, which one may be within double quotes
  parens = 0            # how many parentheses are open
  told = 0              # how many findings there were before this statement
  words = 0             # how many words it has so far
  depth = 0             # how many blocks are open
  branch = branches = 0 # the part of a block between two of its keywords; 0 is the file itself
  lost_from = 0         # the line from which the blocks or quotes are not understood
  document = ""         # the line that ends the here-document
}

{
  note_indirect($0, NR)
  note_mention($0)
}

document != "" {
  loose($0, NR)
  # A branch that is not run is skipped line by line, whatever is a here-document in it.
  if (depth && $1 ~ /^(if|else|endif|while|foreach|end|switch|case|default:|endsw)$/) lose(NR)
  if ($0 == document) document = ""
  next
}

{
  text = $0 "\n"
  read_line()
  document = next_document
  next_document = ""
  if (document != "") document_line = NR
}

END {
  if (document != "") lose(document_line)
  if (continued || quote != "" || backtick || parens) lose(first_line ? first_line : NR)
  end_word()
  end_statement("\n")
  if (depth) lose(block_line[1])
  tell_findings()
}

# Words -----------------------------------------------------------------------------------------

function read_line(   i, c, after, size) {
  size = length(text)
  window = 0
  continued = 0
  for (i = 1; i <= size; i++) {
    c = char(i)
    after = char(i + 1)
    if (quote != "" || backtick) i += read_open(c, after, i)
    else if (c == "\\" && after == "\n") { end_word(); begin_statement(); continued = 1; i++ }
    # With a carriage return csh sees no continuation where its writer did.
    else if (c == "\\" && substr(text, i + 1, 2) == "\r\n") {
      lose(NR)
      end_word()
      begin_statement()
      continued = 1
      i += 2
    }
    else if (c == "\\") { begin_word(); escaped = 1; keep(after); i++ }
    else if (c ~ /[ \t]/) end_word()
    else if (c == "\n" || c == ";") {
      end_word()
      if (parens && c == ";") add_word(c)
      else {
        if (parens) { lose(first_line); parens = 0 }
        end_statement(c)
      }
    }
    else if (c == "#" && !in_word) {
      # A backslash at the comment's end makes a blank of the newline, as elsewhere.
      if (char(size - 1) == "\\") { begin_statement(); continued = 1; return }
      i = size - 1
    }
    else if (c == "(" || c == ")") {
      end_word()
      parens += c == "(" ? 1 : -1
      if (parens < 0) parens = 0
      add_word(c)
    }
    else if (c == "&" || c == "|") {
      end_word()
      if (parens) add_word(c)
      else { end_statement(c); if (after ~ /[&|]/) i++ }
    }
    else if (c == "<" || c == ">") {
      end_word()
      redirected = 1
      if (c == "<" && after == "<" && !parens) { here_document(substr(text, i + 2)); i++ }
    }
    else i += read_open(c, after, i)
  }
}

function here_document(rest) {
  if (next_document != "" || !match(rest, /^[ \t]*[^ \t\n;|&<>()]+/)) { lose(NR); return }
  next_document = substr(rest, 1, RLENGTH)
  sub(/^[ \t]+/, "", next_document)
}

# Reads one character within a word; tells how many more it took.
function read_open(c, after, i) {
  begin_word()
  if (c == "\n") {
    lose(NR)
    quote = ""
    backtick = parens = 0
    end_word()
    end_statement("\n")
  }
  else if (c == "\\" && after == "\n") { keep("\n"); return 1 }
  # What it is depends on `set backslash_quote`.
  else if (c == "\\" && quote != "" && after == quote) { doubtful = 1; keep(c) }
  else if (c == quote) quote = ""
  else if (c == "`" && quote != "\047") { backtick = !backtick; expands = 1 }
  else if (quote == "" && c ~ /["\047]/) { if (backtick) keep(c); quote = c }
  else if (quote == "" && c == "\\") { keep(after); return 1 }
  else if (c == "$" && quote != "\047" && !backtick) return read_dollar(substr(text, i + 1, 200))
  else {
    if (quote == "" && !backtick && c ~ /[*?~{}]|\[/) odd = 1
    keep(c)
  }
  return 0
}

function read_dollar(rest,   size) {
  if (!match(rest, /^([?#%]?([A-Za-z_][A-Za-z0-9_]*|\{[^}\n]*\})|[0-9*$<?#!])/)) {
    odd = 1
    keep("$")
    return 0
  }
  expands = 1
  size = RLENGTH
  return match(substr(rest, size + 1), /^\[[^]"\047`\n]*\]/) ? size + RLENGTH : size
}

function keep(c) {
  if (backtick) inside = inside c
  else value = value c
}

function add_word(c) { begin_word(); value = c; end_word() }

# Statements ------------------------------------------------------------------------------------

function end_statement(separator,   at, is_whole, before) {
  if (!words) {
    if (separator == "\n") { first_line = 0; joined = 0 }
    return
  }
  before = findings
  at = keywords()
  is_whole = at == 1 && !redirected && !joined && separator ~ /[\n;]/ && previous_line != first_line
  if (previous_line == first_line) hinder(previous_found)
  previous_found = 0
  if (at <= words) command(at, is_whole)
  if (findings == before + 1 && hindrance[findings] == "") {
    previous_found = findings
    branch_of[findings] = branch
  } else if (counts) content[branch]++
  joined = separator !~ /[\n;]/
  previous_line = NR
  words = first_line = redirected = doubtful = 0
  told = findings
}

# Follows the blocks; gives the position of the command's own word.
function keywords(   w) {
  w = is_expanded[1] ? "" : word[1]
  sub(/\r$/, "", w)
  counts = 1
  if (w == "if") {
    if (word[words] !~ /^then\r?$/) return 2
    content[branch]++
    open_block("if")
    return 2
  }
  if (w ~ /^(foreach|while|switch)$/) {
    content[branch]++
    open_block(w)
    return 2
  }
  if (w == "else") {
    if (!is_open("if")) return 2
    next_branch()
    counts = words > 1 && word[words] != "then"
    return 2
  }
  if (w ~ /^(case|default:?)$/ || (w ~ /^default:/ && words == 1)) {
    if (is_open("switch")) next_branch()
    return 2
  }
  if (w == "breaksw") { counts = 0; return 2 }
  if (w == "endif") return close_block("if")
  if (w == "end") return close_block("foreach|while")
  if (w == "endsw") return close_block("switch")
  return 1
}

function open_block(w) {
  counts = 0
  block_word[++depth] = w
  block_line[depth] = first_line
  next_branch()
}

function next_branch() {
  counts = 0
  block_branch[depth] = branch = ++branches
}

function is_open(w) {
  if (depth && block_word[depth] ~ "^(" w ")$") return 1
  lose(first_line)
  return 0
}

function close_block(w) {
  counts = 0
  if (is_open(w)) { depth--; branch = depth ? block_branch[depth] : 0 }
  return 2
}

# A word that begins with a name: NAME=value, NAME = value, or NAME and its value behind setenv.
function assignment(at, i, is_whole,   name, rest, is_list_begun) {
  name = substr(word[i], 1, RLENGTH)
  rest = substr(word[i], RLENGTH + 1)
  is_whole = is_whole && name !~ /\[/
  sub(/\[.*/, "", name)
  if (!(name in kind_of)) return
  if (rest ~ /^=/) {
    is_list_begun = rest == "=" && word[i + 1] == "("
    if (is_literal_text(substr(rest, 2), i) || (is_list_begun && is_list(i + 1)))
      note(kind_of[name], line_of[i], verdict(is_whole && is_set_command(i) && i == words, i))
  } else if (rest == "" && i + 1 < words && word[i + 1] ~ /^[-+*\/%]?=$/) {
    is_whole = is_whole && is_set_command(i) && i + 2 == words
    if (is_list(i + 2)) note(kind_of[name], line_of[i], verdict(is_whole, words))
  } else if (rest == "" && i < words && is_behind_setenv(at, i)) {
    is_whole = is_whole && word[1] == "setenv" && words == 3
    if (is_list(i + 1)) note(kind_of[name], line_of[i], verdict(is_whole, words))
  }
}

# Whether the name at I is the first that `set` is to set.
function is_set_command(i,   k) {
  for (k = 2; k < i; k++) if (word[k] !~ /^-[rfl]+$/) return 0
  return word[1] == "set" && !is_expanded[1]
}

function is_behind_setenv(at, i,   k) {
  for (k = at; k < i; k++) if (word[k] ~ /setenv|(^|[-_])set[-_]/) return 1
  return 0
}

# Whether anything from this word on is a literal.
function is_list(i) {
  for (; i <= words; i++) if (word[i] !~ /^[();|&]$/ && is_literal(i)) return 1
  return 0
}

# Whether a value that is a word or the end of one is more than expansions.
function is_literal_text(text, i) {
  gsub(/\n/, "", text)
  if (looks_secret(text within[i])) return 1
  if (prints_literal(within[i])) return 1
  if (is_expanded[i] && text ~ /^(:[a-z])+$/) return 0
  return judged(text) == "literal"
}
