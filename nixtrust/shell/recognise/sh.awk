# Start-up files of sh, bash and zsh, and .envrc, which direnv gives to bash.
#
# The file is read by character from its beginning, with a stack of what is open: quotes,
# substitutions, blocks. That tells where a line stands: only one that begins a command of its own,
# and does nothing but set one variable to one literal, may go. Whatever is told of a value is told
# wherever it stands, so that what was misread is hindered, not overlooked.
#
# A frame of the stack is named by what opened it:
#   ' " $'            quotes
#   ${ (( p(          an expansion, arithmetic, a pattern's or a list's parentheses
#   $( ` =(           commands whose output is used (also <( and >( ), an array's words
#   if while for case in [[      heads, where commands may stand but none may go
#   then else do arm { (         blocks: commands that may go, unless the block would be empty then.
#                     bash takes no empty block (POSIX.1-2024, 2.10.2 Shell Grammar Rules); zsh does

BEGIN {
  single = "\047"; ansi = "$\047"
  is_block["then"]; is_block["else"]; is_block["do"]; is_block["arm"]; is_block["{"]; is_block["("]
  is_quote[single]; is_quote["\""]; is_quote[ansi]
  is_code[""]; is_code["$("]; is_code["`"]; is_code["=("]; is_code["if"]; is_code["while"]
  is_code["for"]; is_code["case"]; is_code["in"]; is_code["[["]
  for (kind in is_block) is_code[kind]
  assigns = "^[ \t]*((export|readonly)[ \t]+(--[ \t]+)?|(declare|typeset)[ \t]+(-[gxr]+[ \t]+)*)?$"
  depth = found = doubt = suspect = watched = is_begun = 0
  begun = ""
  begin_frame("", 0)
}

{
  note_indirect($0, NR)
  note_mention($0)
  text = $0
  find_names()
  if (documents) in_document()
  else in_commands()
}

END {
  if (documents) lost_from(document_line)
  if (depth) lost()
  for (i = 1; i <= found; i++) {
    if (doubt && found_line[i] >= doubt) found_why[i] = "unclear"
    else if (found_why[i] == "comment") continue
    cuts = found_why[i] == ""
    tell(found_kind[i], found_line[i], cuts * found_from[i], cuts * found_to[i], found_why[i], "")
  }
}

# Where the line names the variables. What stands behind an escape such as \n begins a word.
function find_names(   masked, at) {
  masked = text
  gsub(/\\[abefnrtv]/, "^^", masked)
  names = placed = 0
  for (at = find_variable(masked, 1); at; at = find_variable(masked, at + length(named))) {
    name_at[++names] = at
    name_of[names] = named
    # No line that a person wrote.
    if (names == 50) {
      remember(kind_of[named], "unclear")
      break
    }
  }
}

# --- Lines --------------------------------------------------------------------------------------

# A line of a here-document, or the one that ends it. Unless the delimiter is quoted, a backslash joins
# lines: one that goes on from the line before ends nothing. Where only joined ones make the delimiter,
# bash takes them for the end, and dash not always.
function in_document(   line, end_mark, i) {
  line = text
  if (document_tabs[1]) sub(/^\t+/, "", line)
  end_mark = document_end[1]
  if (!document_raw[1] && ends_in_backslash(line)) {
    # Not a continued line, though meant as one.
    if (line ~ /\r$/) lost_from(document_line)
    else join_line(line, end_mark)
  } else {
    line = begun line
    if (is_begun && line == end_mark) lost_from(document_line)
    is_begun = 0
    begun = ""
    if (line == end_mark) next_document()
    # A carriage return at one of the two only: the shell reads on.
    else if (line == end_mark "\r" || line "\r" == end_mark) lost_from(document_line)
  }
  for (i = 1; i <= names; i++) judge(i, document_raw[1] ? "raw" : "<<", "compound")
}

function ends_in_backslash(line) {
  sub(/\r$/, "", line)
  sub(/^.*[^\\]/, "", line)
  return length(line) % 2
}

function join_line(line, end_mark) {
  is_begun = 1
  # What is longer ends nothing, whatever follows.
  if (length(begun) <= length(end_mark)) begun = begun substr(line, 1, length(line) - 1)
}

function next_document(   i) {
  documents--
  for (i = 1; i <= documents; i++) {
    document_end[i] = document_end[i + 1]
    document_raw[i] = document_raw[i + 1]
    document_tabs[i] = document_tabs[i + 1]
  }
}

function in_commands(   i, at, frame_here, may_go, several, had, level, first) {
  if (watched && depth < watched) watched = 0
  if (watched && (looks_secret(text) || hides_literal(text))) {
    remember(watched_kind, "several-lines")
    watched = 0
  }
  several = continued && (frame[depth] in is_code)
  may_go = names && begins_command()
  in_head = names && !several && stands_in_head()
  had = holds[depth]
  level = depth
  first = found
  window = 0
  continued = 0
  size = length(text)
  for (at = 1; at <= size; ) {
    frame_here = frame[depth]
    at = step(frame_here, at)
    if (at < 0) {
      frame_here = "#"
      at = size + 1
    }
    for (; placed < names && name_at[placed + 1] < at; ) name_frame[++placed] = frame_here
  }
  line_ends()
  several = several || (continued && (frame[depth] in is_code))
  for (i = 1; i <= names; i++) {
    if (name_frame[i] == "#") judge(i, "", "comment")
    else if (in_head && is_plain()) judge(i, name_frame[i], "block")
    else judge(i, name_frame[i], several ? "several-lines" : "compound")
  }
  if (may_go && depth == level && found == first + commented_since(first) + 1 && is_plain()) {
    holds[depth] = had
    for (i = first + 1; i <= found; i++)
      if (found_why[i] != "comment") {
        found_why[i] = ""
        candidates[depth] = candidates[depth] " " i
      }
  }
}

function commented_since(first,   i, n) {
  n = 0
  for (i = first + 1; i <= found; i++) n += found_why[i] == "comment"
  return n
}

# Whether a command of its own begins with this line, in blocks only.
function begins_command(   i) {
  for (i = 1; i <= depth; i++)
    if (!(frame[i] in is_block) && !(i < depth && frame[i] == "in" && frame[i + 1] == "arm"))
      return 0
  return !continued && !joined[depth] && !in_word[depth] && expects[depth] == 1
}

# Whether the innermost thing that is open is a head, whose commands are a condition.
function stands_in_head() {
  return frame[depth] == "if" || frame[depth] == "while"
}

# Whether the line does nothing but set one of the variables to one literal.
function is_plain(   rest) {
  if (!(name_at[1]) || substr(text, 1, name_at[1] - 1) !~ assigns) return 0
  rest = name_at[1] + length(name_of[1])
  if (substr(text, rest, 1) != "=") return 0
  scan(text, rest + 1, "", "")
  if (value_open || value_expanded) return 0
  return substr(text, value_end) ~ /^[ \t\r]*;?[ \t\r]*(#.*)?$/
}

function line_ends(   k) {
  k = frame[depth]
  if ((k in is_quote) && !suspect) suspect = opened[depth]
  if (continued) return
  if (k in is_code) {
    word_ends()
    k = frame[depth]
    if (in_function[depth]) {
      in_function[depth] = 0
      joined[depth] = 1
    }
    if (k != "case" && k != "in" && k != "[[" && k != "=(") expects[depth] = 1
    words[depth] = 0
  } else if (awaited) lost()
  if (awaited) {
    documents = awaited
    document_line = awaited_line
    awaited = 0
  }
}

# --- The stack ----------------------------------------------------------------------------------

function begin_frame(kind, level) {
  frame[level] = kind
  opened[level] = NR
  holds[level] = joined[level] = in_word[level] = quoted[level] = words[level] = 0
  in_function[level] = 0
  word[level] = candidates[level] = ""
  expects[level] = kind != "for" && kind != "case" && kind != "in" && kind != "[[" && kind != "=("
  parentheses[level] = 0
}

function open_frame(kind) {
  begin_frame(kind, ++depth)
}

# A block's end. What may go must not be all that it holds.
function settle(   list, n, i) {
  if ((frame[depth] in is_block) && !holds[depth]) {
    n = split(candidates[depth], list, " ")
    for (i = 1; i <= n; i++) found_why[list[i]] = "block"
  }
}

function close_frame() {
  settle()
  depth--
}

# One of a compound command's keywords begins its next part.
function change_frame(kind,   line) {
  settle()
  line = opened[depth]
  begin_frame(kind, depth)
  opened[depth] = line
}

# A compound command's end; a keyword may follow.
function close_command() {
  close_frame()
  expects[depth] = 2
  words[depth] = 2
}

# What cannot be followed: from where it may have begun, nothing is certain. A quote that went over
# lines may be one that was never meant as one.
function lost() {
  lost_from(depth ? opened[1] : 1)
}

function lost_from(line) {
  if (suspect && suspect < line) line = suspect
  if (line < 1) line = 1
  if (!doubt || line < doubt) doubt = line
}

# --- Characters ---------------------------------------------------------------------------------

# step(FRAME, AT): reads on at a position; returns the next one, -1 if the rest is a comment.
function step(kind, at,   c) {
  c = char(at)
  if (kind == single) {
    if (c == single) close_frame()
    return at + 1
  }
  if (c == "\\") return escape(at)
  if (kind == ansi) {
    if (c == single) close_frame()
    return at + 1
  }
  if (c == "$") return dollar(at)
  if (c == "`") return backtick(at)
  if (c == "\"") {
    if (kind == "\"") close_frame()
    else quote(c)
    return at + 1
  }
  if (kind == "\"") return at + 1
  if (c == single) return apostrophe(kind, at)
  if (kind == "${") {
    if (c == "}") close_frame()
    return at + 1
  }
  if (kind == "((") return in_arithmetic(c, at)
  if (kind == "p(") {
    if (c == "(") open_frame("p(")
    if (c == ")") {
      close_frame()
      if (frame[depth] == "for" && !in_word[depth]) expects[depth] = 3
    }
    return at + 1
  }
  return in_code(kind, c, at)
}

function escape(at) {
  if (at == size) {
    continued = 1
    # What goes on on the next line may begin a document.
    if (char(at - 1) == "<" && (frame[depth] in is_code)) lost_from(NR)
  } else {
    # Not a continued line, though meant as one.
    if (at + 1 == size && char(at + 1) == "\r") lost_from(NR)
    into_word("\\")
    quoted[depth] = 1
  }
  return at + 2
}

function quote(kind) {
  into_word("")
  quoted[depth] = 1
  open_frame(kind)
}

# Between the braces of an expansion in double quotes an apostrophe may be a quote or none.
function apostrophe(kind, at,   rest) {
  if (kind == "((" || (kind == "${" && frame[depth - 1] == "\"")) {
    rest = substr(text, at, 200)
    if (match(rest, /^\047[^\047}"]*\047/)) return at + RLENGTH
    lost()
    return at + 1
  }
  quote(single)
  return at + 1
}

function dollar(at,   next_one) {
  next_one = char(at + 1)
  if (next_one == single && (frame[depth] in is_code)) {
    quote(ansi)
    return at + 2
  }
  into_word("$")
  if (next_one == "{") {
    open_frame("${")
    # The flags of zsh, in which no quote is one.
    if (match(substr(text, at + 2, 100), /^\([^)]*\)/)) return at + 2 + RLENGTH
    return at + 2
  }
  if (next_one == "(" && char(at + 2) == "(") {
    open_frame("((")
    return at + 3
  }
  if (next_one == "(") {
    open_frame("$(")
    return at + 2
  }
  return next_one ~ /[#$?!*@]/ ? at + 2 : at + 1
}

function backtick(at,   i) {
  if (frame[depth] == "`") {
    word_ends()
    if (frame[depth] != "`") lost()
    else close_frame()
    return at + 1
  }
  for (i = 1; i < depth; i++) if (frame[i] == "`") lost()
  into_word("`")
  open_frame("`")
  return at + 1
}

function in_arithmetic(c, at) {
  if (c == "(") parentheses[depth]++
  else if (c == ")" && parentheses[depth]) parentheses[depth]--
  else if (c == ")") {
    if (char(at + 1) != ")") lost()
    close_frame()
    if (!in_word[depth]) expects[depth] = frame[depth] == "for" ? 1 : 2
    return at + 2
  }
  return at + 1
}
