# Lines that set variables: environment.d(5) and EnvironmentFile= of systemd, /etc/environment as
# pam_env(8) reads it, dotenv files. These do not agree on quotes, comments and continuations: a
# line goes only if it is one assignment, and whole, for all of them.

BEGIN {
  comment_mark = "^[ \t]*;|(^|[ \t])#"
  comment_line = "^[ \t]*[#;]"
  pending = ""       # the lines of a value that is not at its end
  quote = ""         # the quote that is open since one of them
  after_comment = 0  # systemd before 254 reads a comment on behind a backslash
  lost = 0           # whether a line was none of an environment file
}

{
  note_indirect($0, NR)
  note_secret($0, NR)
}

pending == "" && /^[ \t]*([#;]|\r?$)/ && !/\r./ {
  after_comment = /\\[ \t\r]*$/
  next
}

{
  if (pending == "") {
    first = NR
    text = take_apart($0)
  } else {
    read_on($0)
    text = $0
  }
  pending = pending text "\n"
  if (quote != "" || text ~ /\\[ \t\r]*$/) {
    # A quote that nothing closes would take time squared.
    if (length(pending) > 8192) {
      tell_variables(pending, first, "several-lines")
      pending = "\n"
      first = NR
    }
    next
  }

  if (first < NR || after_comment) tell_variables(pending, first, "several-lines")
  else if (!(name in kind_of)) tell_variables(pending, NR, lost ? "unclear" : "compound")
  else if (!is_plain || weighed(value) == "mixed") {
    # A dotenv file may quote with backticks, which hold a command for a shell.
    if (is_given(word_of(raw)) || looks_secret(raw) || raw ~ /^`[^` \t]+`/)
      report(kind_of[name], NR, lost ? "unclear" : "compound")
    tell_variables(raw, NR, lost ? "unclear" : "compound")
  } else if (weighed(value) == "literal") {
    if (lost) report(kind_of[name], NR, "unclear")
    else tell(kind_of[name], NR, line_start, next_start, "", "")
  }
  pending = ""
  after_comment = 0
}

END {
  if (pending != "") tell_variables(pending, first, "several-lines")
}

# Sets the name of an assignment, its value, and that as it stands (raw); no name if a line is none.
# Returns the line without its comment.
function take_apart(line,   begun, at, tail) {
  name = value = ""
  is_plain = 0
  if (line ~ /\r./ || !match(line, /^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_.-]*[ \t]*=[ \t]*/) &&
      !match(line, /^(export[ \t]+)?[A-Za-z_][A-Za-z0-9_.-]*:[ \t]+/)) {
    if (line !~ /^[ \t]*((export|unset)[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t\r]*$/) lost = 1
    return line
  }
  begun = substr(line, 1, RLENGTH)
  raw = value = substr(line, RLENGTH + 1)
  name = begun
  sub(/^[ \t]*(export[ \t]+)?/, "", name)
  sub(/[ \t]*[=:][ \t]*$/, "", name)

  if (value ~ /^["\047`]/) {
    quote = substr(value, 1, 1)
    tail = substr(value, 2)
    if (!(at = closing(tail, quote))) return line
    value = substr(tail, 1, at - 1)
    tail = substr(tail, at + 1)
    quote = ""
    sub(/[ \t]#.*$/, "", tail)
    is_plain = tail ~ /^[ \t\r]*$/ && raw !~ /^`/
    if (has_odd_quotes(tail)) lost = 1
    return substr(line, 1, length(begun) + length(value) + 2) tail
  }
  if (begun ~ /[ \t]$/ && value ~ /^#/) value = ""
  sub(/[ \t]#.*$/, "", value)
  sub(/[ \t\r]+$/, "", value)
  is_plain = value !~ /[ \t"\047\\;&|<>()]/ || weighed(value) == "reference"
  if (has_odd_quotes(value)) lost = 1
  return begun value (line ~ /\\[ \t\r]*$/ ? "\\" : "")
}

# A further line of a value.
function read_on(line,   at) {
  if (quote == "") {
    if (has_odd_quotes(line)) lost = 1
  } else if ((at = closing(line, quote)) > 0) {
    if (substr(line, at + 1) !~ /^[ \t\r]*([ \t]#.*)?$/) lost = 1
    quote = ""
  }
}

# Where a quote is closed; 0 if it is not. Of single quotes not all take a backslash for an escape.
function closing(text, mark,   at) {
  if (mark == "\"") return match(text, /^([^"\\]|\\.)*"/) ? RLENGTH : 0
  at = index(text, mark)
  if (at > 1 && substr(text, at - 1, 1) == "\\") lost = 1
  return at
}

function has_odd_quotes(text) {
  return gsub(/"/, "\"", text) % 2 || gsub(/\047/, "\047", text) % 2
}

# A credential that is to stay where it is.
function report(kind, line, hindrance) {
  tell(kind, line, 0, 0, hindrance, "")
}
