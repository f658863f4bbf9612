# pam_env.conf(5), which ~/.pam_environment is too: NAME [DEFAULT=[value]] [OVERRIDE=[value]], or
# NAME=value. What follows a '#' is a comment; a backslash at the end joins lines.

BEGIN {
  pending = ""
}

{
  note_indirect($0, NR)
  note_secret($0, NR)
  text = $0
  if (text !~ /\r./) sub(/#.*$/, "", text)
  if (pending == "") first = NR
  pending = pending text "\n"
  if ($0 ~ /\\[ \t\r]*$/) next

  if (first < NR) tell_settings(pending, first, "several-lines")
  else if (is_one_literal(text)) tell(kind_of[named], NR, line_start, next_start, "", "")
  else tell_settings(text, NR, "compound")
  pending = ""
}

END {
  if (pending != "") tell_settings(pending, first, "several-lines")
}

# Whether a line gives the variable `named` one literal and does nothing else.
function is_one_literal(text,   setting, literals) {
  sub(/^[ \t]+/, "", text)
  sub(/[ \t\r]+$/, "", text)
  if (find_variable(text, 1) != 1) return 0
  text = substr(text, length(named) + 1)
  if (text ~ /^=/) text = " DEFAULT" text
  literals = 0
  while (match(text, /^[ \t]+(DEFAULT|OVERRIDE)=("[^"\\]*"|[^" \t\r\\]*)/)) {
    setting = substr(text, 1, RLENGTH)
    text = substr(text, RLENGTH + 1)
    setting = weighed(value_of(setting))
    if (setting != "empty") literals += setting == "literal" ? 1 : 2
  }
  return text == "" && literals == 1
}

function value_of(setting) {
  sub(/^[ \t]*[A-Z]+=/, "", setting)
  return setting
}

# Tells of what is_one_literal() does not take, DEFAULT= and OVERRIDE= too.
function tell_settings(text, first, hindrance,   at, name, rest, following) {
  if (text !~ /(DEFAULT|OVERRIDE)=/) {
    tell_variables(text, first, hindrance)
    return
  }
  at = find_variable(text, 1)
  while (at > 0) {
    name = named
    rest = substr(text, at + length(name))
    following = find_variable(rest, 1)
    if (is_set(rest, following) || gets_literal(substr(text, 1, at - 1), rest))
      report(kind_of[name], first + newlines(substr(text, 1, at)), hindrance)
    at = following ? at + length(name) + following - 1 : 0
  }
}

# Whether what follows a name gives it a literal, before the next name.
function is_set(rest, following,   passed) {
  passed = 0
  while (match(rest, /(DEFAULT|OVERRIDE)=/) && (!following || passed + RSTART < following)) {
    passed += RSTART + RLENGTH - 1
    rest = substr(rest, RSTART + RLENGTH)
    if (is_given(word_of(rest))) return 1
  }
  return 0
}

# A credential that is to stay where it is.
function report(kind, line, hindrance) {
  tell(kind, line, 0, 0, hindrance, "")
}
