# Nushell: env.nu, config.nu, autoload/*.nu. Read as its lexer does (nushell
# crates/nu-parser/src/lex.rs) as to strings, comments and brackets, which all may go over several
# lines; a pipeline goes on behind a newline if the next line begins with a pipe. Else a statement
# that sets a variable is one line.

BEGIN {
  level = 0             # how many brackets and strings are open
  holders = 0           # how many of them are no braces: statements stand in braces only
  lost_from = 0         # the line from which the brackets are not understood
  waiting = ""          # the kind of credential whose value goes on in the next line
  Q = "[\"\047`]"
}

{
  note_indirect($0, NR)
  note_mention($0)
  before_line = level
  is_open_string = level && is_string(open[level])
  is_statement = !holders && last !~ /[|>=&+,:]/
  frame = level ? frame_of[level] : 0
  kind = holders ? "" : alone($0)
  joins = 0
  code = ""
  text = $0
  read_line(kind == "")
  if (joins) hinder(previous_found)
  if (code ~ /[^ \t\r]/) previous_found = 0
  if (kind != "") {
    note(kind, NR, is_statement ? "" : "compound")
    previous_found = findings
    branch_of[findings] = frame
  } else mentions(code)
}

END {
  if (level) lose(line_of[1])
  tell_findings()
}

# Brackets and strings ----------------------------------------------------------------------------

function is_string(c) { return c ~ /^["\047`$r]/ }

# Follows a line; gives it without its comment as `code`, and counts what stands in each brace.
function read_line(counts,   i, c, top, size, rest) {
  size = length(text)
  window = 0
  for (i = 1; i <= size; i++) {
    c = char(i)
    top = level ? open[level] : ""
    if (is_string(top)) i += read_string(c, i, top)
    else if (c ~ /[ \t\r]/) code = code c
    else if (top == "|") { if (c == "|") { pop(); last = "{" } }
    else if (top == "{" && is_fresh[level] && c == "|") { is_fresh[level] = 0; push("|") }
    else if (c == "#" && (i == 1 || char(i - 1) ~ /[ \t;|({,]|\[/)) return
    else {
      if (c == "|" && code ~ /^[ \t]*$/) joins = 1
      code = code c
      if (level) is_fresh[level] = 0
      if (counts && c != "}") content[level ? frame_of[level] : 0]++
      last = c
      if (c ~ /[({]|\[/) push(c)
      else if (c ~ /[)}]|\]/) close_bracket(c)
      else if (c == "r" && match(rest = substr(text, i, 40), /^r#+\047/) \
          && (i == 1 || char(i - 1) !~ /[A-Za-z0-9_]/)) {
        push("r" substr(rest, 2, RLENGTH - 2))
        code = code substr(rest, 2, RLENGTH - 1)
        i += RLENGTH - 1
      }
      else if (c == "$" && char(i + 1) ~ /["\047]/) {
        push("$" char(++i))
        code = code char(i)
      }
      else if (c ~ /["\047`]/) push(c)
    }
  }
}

# Reads one character within a string; tells how many more it took.
function read_string(c, i, top,   mark) {
  code = code c
  if (c == "\\" && top ~ /"$/) { code = code char(i + 1); return 1 }
  if (top ~ /^r/) {
    mark = substr(top, 2)
    if (c != "\047" || substr(text, i + 1, length(mark)) != mark) return 0
    code = code mark
    pop()
    return length(mark)
  }
  if (c == substr(top, length(top))) { pop(); last = c }
  else if (top ~ /^\$/ && c == "(") push("(")
  return 0
}

function push(c) {
  open[++level] = c
  line_of[level] = NR
  is_fresh[level] = 1
  frame_of[level] = c == "{" ? ++frames : level > 1 ? frame_of[level - 1] : 0
  if (c != "{") holders++
}

function pop() { if (open[level--] != "{") holders-- }

function close_bracket(c) {
  if (level && open[level] c ~ /^(\(\)|\{\}|\[\])$/) pop()
  else lose(NR)
}

# Statements --------------------------------------------------------------------------------------

# The kind of the credential if a line does nothing but set its variable to a literal, else "".
function alone(text,   name, value) {
  sub(/\r$/, "", text)
  if (!sub(/^[ \t]*(\$env\.|let-env[ \t]+)/, "", text)) return ""
  if (!match(text, /^["\047]?[A-Za-z0-9_]+["\047]?[ \t]*=[ \t]*/)) return ""
  name = substr(text, 1, RLENGTH)
  text = substr(text, RLENGTH + 1)
  gsub(/["\047 \t=]/, "", name)
  if (!(name in kind_of)) return ""
  if (!match(text, /^("([^"\\]|\\.)*"|\047[^\047]*\047|`[^`]*`)/) \
      && !match(text, /^(r#\047[^\047]*\047#|[A-Za-z0-9_+\/=.:^-]+)/))
    return ""
  value = substr(text, 1, RLENGTH)
  text = substr(text, RLENGTH + 1)
  return text ~ /^[ \t]*;?([ \t]*|[ \t]+#.*)$/ && is_literal(value) ? kind_of[name] : ""
}

# Every value of a variable that a line tells, in code or in strings.
function mentions(text,   at, before, rest, kind) {
  if (waiting != "") {
    if (waits_for_all ? is_literal(text) : has_literal(text)) {
      note(waiting, NR, "several-lines")
      waiting = ""
    } else if (text ~ /[^ \t\r]/ && level <= waiting_level) waiting = ""
  }
  at = 1
  while ((at = find_variable(text, at)) > 0) {
    before = substr(text, 1, at - 1)
    rest = substr(text, at + length(named))
    at += length(named)
    kind = kind_of[named]
    if (is_set(before, rest)) note(kind, NR, is_spread(rest) ? "several-lines" : "compound")
    else if (is_begun(rest)) {
      waiting = kind
      waiting_level = before_line
      waits_for_all = rest ~ /[:=][ \t\r]*$/
    }
  }
}

function is_set(before, rest,   is_word) {
  if (looks_secret(rest) && before !~ /\$$/) return 1
  if (rest ~ /^\?*[ \t]*\|[ \t]*default[ \t]/) return has_literal(rest)
  if (match(rest, /^["\047`]?\]?[ \t]*(\+\+|\+)?=[ \t]*/)) {
    is_word = substr(rest, 1, RLENGTH) ~ /^["\047`]?=$/
    rest = substr(rest, RLENGTH + 1)
    if (is_word && rest ~ /^[^ "\047`($]/) sub(/[ \t].*/, "", rest)
    return rest !~ /^[=~]/ && is_literal(rest)
  }
  if (match(rest, /^["\047`]?[ \t]*:[ \t]*/)) {
    rest = substr(rest, RLENGTH + 1)
    # The type of a parameter.
    if (rest ~ /^(string|any|path|glob|int|bool|record|list|nothing)([^A-Za-z0-9]|$)/) return 0
    return is_literal(rest)
  }
  sub(/["\047`]$/, "", before)
  # Those options of fish's `set` do not set.
  if (before ~ /[ \t](-[A-Za-z]*[eqnS]|--(erase|query|names|show))[ \t]/) return 0
  if (before !~ /(^|[^A-Za-z0-9])(setenv|set|insert|upsert|update)[ \t]+(-[^ \t]+[ \t]+)*$/ \
      && before !~ /with-env[ \t]*\[[ \t]*$/)
    return 0
  return sub(/^["\047`]?[ \t]+/, "", rest) && is_literal(rest)
}

# Whether a text that begins with a value holds a literal there.
function is_literal(text,   value) {
  sub(/^[ \t\\]+/, "", text)
  if (text ~ /^(null|nothing)([^A-Za-z0-9]|$)/) return 0
  if (sub(/^r#+\047/, "", text)) {
    sub(/\047#.*/, "", text)
    return judged(text) == "literal"
  }
  if (text ~ ("^" Q)) {
    value = substr(text, 2)
    sub(substr(text, 1, 1) ".*", "", value)
    return judged(value) == "literal" || has_literal(substr(text, length(value) + 2))
  }
  if (text ~ /^\$["\047]/) {
    value = substr(text, 3)
    gsub(/\([^()]*\)/, "", value)
    sub(/["\047].*/, "", value)
    return judged(value) == "literal" || has_literal(text)
  }
  if (text ~ /^([$(^{]|\[)/) return has_literal(text)
  # A bare word alone is a string to older versions; with more behind it it is a command.
  if (match(text, /^[^] \t\r,;|)}"\047`]+/)) {
    value = substr(text, 1, RLENGTH)
    if (substr(text, RLENGTH + 1) ~ /^[ \t]+[^ \t\r,;#)}]/ && text !~ /^[^ ]+[ ]+[A-Z_a-z]+[:=]/)
      return has_literal(text)
    return judged(value) == "literal"
  }
  return 0
}

# Whether a literal stands where an expression gives it as its value.
function has_literal(text,   value) {
  if (looks_secret(text)) return 1
  while (match(text, "(^[ \t]*|(default|echo)[ \t]+|(=>|[+({]|\\[)[ \t]*)" Q)) {
    text = substr(text, RSTART + RLENGTH - 1)
    value = substr(text, 2)
    sub(substr(text, 1, 1) ".*", "", value)
    if (value !~ /^[ \t~]/ && judged(value) == "literal") return 1
    text = substr(text, length(value) + 3)
  }
  return 0
}

function is_begun(rest) {
  return rest ~ /^["\047`]?[ \t]*[:=]/ && (rest ~ /[:=][ \t\r]*$/ || level > before_line)
}

# Whether the value, or the record that it stands in, goes over several lines.
function is_spread(rest) {
  return !is_open_string && (level != before_line || (level && rest ~ /^["\047`]?[ \t]*:/))
}
