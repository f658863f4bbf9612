# The second part of sh.awk: the words and operators of commands.

function into_word(c) {
  if (!(frame[depth] in is_code)) return
  if (!in_word[depth]) {
    in_word[depth] = 1
    word[depth] = ""
    quoted[depth] = 0
    joined[depth] = 0
  }
  # No keyword and no array's name is longer.
  if (length(word[depth]) < 200) word[depth] = word[depth] c
}

function in_code(kind, c, at) {
  if (c ~ /[ \t\r]/) {
    word_ends()
    return at + 1
  }
  if (c == "#" && !in_word[depth]) {
    if (kind != "[[" && (at == 1 || char(at - 1) != ")") && !ends_backticks(at)) return -1
    lost()
  }
  if (c == "(") return parenthesis(kind, at)
  if (c == ")") return closing_parenthesis(at)
  if (c == ";" || c == "&" || c == "|") return separator(c, at)
  if (c == "<" || c == ">") return redirection(c, at)
  into_word(c)
  return at + 1
}

# Whether a comment from here on would hold the end of what is in backticks.
function ends_backticks(at,   i) {
  for (i = 1; i <= depth; i++) if (frame[i] == "`") return index(substr(text, at), "`")
  return 0
}

function parenthesis(kind, at,   pair, before) {
  pair = match(substr(text, at, 40), /^\([ \t]*\)/) ? RLENGTH : 0
  before = at > 1 ? char(at - 1) : ""
  if (kind == "in" && !in_word[depth] && !words[depth] && !parentheses[depth]) {
    # A pattern may have one in front.
    parentheses[depth] = 1
  } else if (kind == "[[" || kind == "in") {
    into_word("(")
    open_frame("p(")
  } else if (in_word[depth]) {
    if (word[depth] ~ /^[A-Za-z_][A-Za-z0-9_]*(\[.*\])?\+?=$/) open_frame("=(")
    else if (word[depth] == "=") open_frame("$(")
    else if (pair && (expects[depth] || in_function[depth])) return function_head(at + pair)
    else open_frame("p(")
  } else if (before == "<" || before == ">") {
    into_word("(")
    open_frame("$(")
  } else if (pair && (expects[depth] == 1 || words[depth] == 1 || in_function[depth]))
    return function_head(at + pair)
  else if ((expects[depth] || kind == "for") && char(at + 1) == "(") {
    holds[depth] = 1
    joined[depth] = 0
    open_frame("((")
    return at + 2
  } else if (expects[depth] == 1 && kind != "for") {
    holds[depth] = 1
    joined[depth] = 0
    open_frame("(")
  } else open_frame("p(")
  return at + 1
}

# What follows is the function's body, be it on the next line.
function function_head(at) {
  holds[depth] = 1
  in_word[depth] = in_function[depth] = words[depth] = 0
  expects[depth] = joined[depth] = 1
  return at
}

function closing_parenthesis(at) {
  word_ends()
  if (frame[depth] == "in") {
    words[depth] = parentheses[depth] = 0
    open_frame("arm")
  } else if (frame[depth] == "(") close_command()
  else if (frame[depth] == "$(" || frame[depth] == "=(") close_frame()
  else lost()
  return at + 1
}

function separator(c, at,   both, after) {
  both = c char(at + 1)
  after = char(at + 1)
  if (c == "&" && (after == ">" || (at > 1 && char(at - 1) ~ /[<>]/))) {
    word_ends()
    return at + 1
  }
  # As in 2>|file.
  if (c == "|" && at > 1 && char(at - 1) == ">") return at + 1
  word_ends()
  if (frame[depth] == "in" || frame[depth] == "[[") return at + 1
  if (both == ";;" || both == ";&" || both == ";|") {
    if (frame[depth] == "arm") close_frame()
    else lost()
    words[depth] = 0
    return at + (substr(text, at, 3) == ";;&" ? 3 : 2)
  }
  if (frame[depth] == "=(") lost()
  expects[depth] = 1
  words[depth] = 0
  if (c == "|" || both == "&&") joined[depth] = 1
  return at + (both == "&&" || both == "||" || both == "|&" || both == "&|" ? 2 : 1)
}

function redirection(c, at,   start) {
  word_ends()
  if (substr(text, at, 3) == "<<<") return at + 3
  if (substr(text, at, 2) != "<<" || frame[depth] == "[[") return at + 1
  at += 2
  awaited++
  document_tabs[awaited] = char(at) == "-"
  at += document_tabs[awaited]
  while (char(at) ~ /[ \t]/) at++
  document_raw[awaited] = 0
  start = at
  scan(text, at, "", "")
  document_end[awaited] = value_text
  document_raw[awaited] = substr(text, start, value_end - start) != value_text
  if (value_open || value_expanded || value_text == "") lost_from(NR)
  if (awaited == 1) awaited_line = depth ? opened[1] : NR
  # The carriage return is a part of the delimiter.
  if (substr(text, value_end) == "\r") document_end[awaited] = value_text "\r"
  return value_end
}

# A word of a command is complete.
function word_ends(   w, k, expected) {
  if (!in_word[depth]) return
  in_word[depth] = 0
  w = quoted[depth] ? "\\" : word[depth]
  k = frame[depth]
  words[depth]++
  if ((k in is_block) && ends_part(w, k)) return
  holds[depth] = 1
  if (k == "in") {
    if (w == "esac" && words[depth] == 1) close_command()
  } else if (k == "case") {
    if (w == "in" && words[depth] > 1) change_frame("in")
  } else if (k == "[[") {
    if (w == "]]") close_command()
  } else if (k == "for") for_head(w)
  else if (k != "=(") {
    expected = expects[depth]
    expects[depth] = 0
    if (in_function[depth]) {
      if (w == "{") open_command("{")
    } else if (expected) keyword(w, k, expected)
  }
}

function open_command(kind) {
  in_function[depth] = 0
  open_frame(kind)
}

function for_head(w) {
  if ((w == "do" || w == "{") && (expects[depth] || words[depth] == 2)) {
    change_frame(w)
  } else if (expects[depth] == 3) {
    # zsh: for NAME (WORD…) COMMAND
    close_frame()
    expects[depth] = 0
    keyword(w, frame[depth], 1)
  } else if (expects[depth] == 1 && w != "in") lost()
  else expects[depth] = 0
}

# Whether a word ends the block that it stands in.
function ends_part(w, k) {
  # zsh ends a block with it anywhere.
  if (k == "{" && w == "}" && !in_function[depth]) close_command()
  else if (!expects[depth]) return 0
  else if (k == "then" && w == "elif") change_frame("if")
  else if (k == "then" && w == "else") change_frame("else")
  else if ((k == "then" || k == "else") && w == "fi") close_command()
  else if (k == "do" && w == "done") close_command()
  else if (k == "arm" && w == "esac") {
    close_frame()
    close_command()
  } else return 0
  return 1
}

# A word where a command may begin (EXPECTED is 1), or behind a compound command (2).
function keyword(w, k, expected) {
  if (w == "then" && k == "if") change_frame("then")
  else if (w == "do" && k == "while") change_frame("do")
  else if (expected == 2) behind_compound(w, k)
  else if (w == "if" || w == "case" || w == "for" || w == "{" || w == "[[") open_frame(w)
  else if (w == "while" || w == "until") open_frame("while")
  else if (w == "select") open_frame("for")
  else if (w == "function") in_function[depth] = 1
  else if (w == "!" || w == "time" || w == "coproc") expects[depth] = joined[depth] = 1
  else if (w ~ /^(then|elif|else|do|fi|done|\}|esac)$/) lost()
}

# zsh: if [[ … ]] { … } elif … { … } else { … }, while [[ … ]] { … }, { … } always { … }
function behind_compound(w, k) {
  if (w == "{" && (k == "if" || k == "while")) change_frame("{")
  else if (w == "else" || w == "always") expects[depth] = 1
  else if (w == "elif") open_frame("if")
}
