# What csh, tcsh, nushell and PAM read when somebody logs in. It is read as plain text, without their
# grammar: what is found is reported, and nothing is cut. A statement goes on behind a backslash, and
# one with a variable behind what cannot end it.

BEGIN {
  besides = statement = ""
}

{
  note_indirect($0, NR)
  note_mention($0)
  line = without_comment($0)
  sub(/\r$/, "", line)
  if (statement == "") first = NR
  statement = statement line
  if (length(statement) < reach && (sub(/\\[ \t]*$/, " ", statement) || is_begun(statement))) next
  report_statement(in_one_spelling(statement))
}

END {
  report_statement(in_one_spelling(statement))
}

function is_begun(text) {
  return text ~ /([ \t]=|[:({])[ \t]*$/ && find_variable(text, 1)
}

# A text with what each of them writes in a way of its own written as sh does.
function in_one_spelling(text) {
  # csh: set NAME = (VALUE …), set NAME[1]=VALUE, $NAME:q, and $< for a line that is typed.
  if (text ~ /(^|[^A-Za-z0-9_-])set[ \t]/) gsub(/(\[[0-9]+\])?[ \t]*=[ \t]*[(]?[ \t]*/, "=", text)
  gsub(/:[a-z]([ \t;]|$)/, " ", text)
  gsub(/[$]</, "$0", text)
  # nushell: a list's comma, a parameter's type, "($x)" in a text, with-env [NAME VALUE].
  gsub(/,[ \t]/, " ", text)
  gsub(/:[ \t]*string/, "", text)
  gsub(/[$]"/, "\"", text)
  gsub(/[(][$][A-Za-z0-9_.]+[?]?[)]/, "$x", text)
  gsub(/with-env[ \t]+\[/, "&set ", text)
  # nushell: a word that has another one behind it is a command, whose output is the value.
  gsub(/[ \t]=[ \t]+\^?[a-z][a-z0-9-]*[ \t]+[^ \t#;|]/, " = $x ", text)
  return text
}

function report_statement(text) {
  statement = ""
  if (!find_variable(text, 1)) return
  tell_variables(text, first, "")
  report_values_in_brackets(text)
  report_settings_of_pam(text)
}

# nushell: ("VALUE"), if … { "VALUE" }, default "VALUE".
function report_values_in_brackets(text,   at) {
  at = find_variable(text, 1)
  text = substr(text, at + length(named))
  if (text !~ /^["\047]?[ \t]*=[^=]/ && text !~ /^[?]?[ \t]*[|][ \t]*default/) return
  while (match(text, /([({]|default)[ \t]*["\047]/)) {
    text = substr(text, RSTART + RLENGTH - 1)
    if (is_given(word_of(text))) report(kind_of[named], first, "")
    text = substr(text, 2)
  }
}

# pam_env.conf(5): NAME DEFAULT=VALUE OVERRIDE=VALUE.
function report_settings_of_pam(text,   n, part, i, kind) {
  kind = ""
  n = split(text, part, /[ \t]+(DEFAULT|OVERRIDE)=/)
  for (i = 1; i <= n; i++) {
    sub(/^[ \t]+/, "", part[i])
    if (kind != "" && is_given(word_of(part[i]))) report(kind, first, "")
    if (find_variable(part[i], 1)) kind = kind_of[named]
  }
}

# Once, whichever of the ways above finds it.
function report(kind, line, hindrance) {
  if (!((kind, line) in is_reported)) tell(kind, line, 0, 0, hindrance, "")
  is_reported[kind, line]
}
