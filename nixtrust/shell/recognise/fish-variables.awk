# fish's universal variables, ~/.config/fish/fish_variables: a line `SETUVAR --export NAME:VALUE`
# each, nothing in it expanded; other than letters, digits, / and _ is written as \xHH, what stands
# between a list's elements as \x1d (fish-shell src/env_universal_common.cpp). Before fish 3.0 the
# words were SET and SET_EXPORT.

/^[ \t]*#/ { next }

{ text = decoded($0) }

/^[ \t]*(SETUVAR|SET|SET_EXPORT)[ \t]/ {
  sub(/^[ \t]*[A-Z_]+[ \t]+/, "", text)
  while (sub(/^--?[a-z]+[ \t]+/, "", text)) continue
  at = index(text, ":")
  name = substr(text, 1, at - 1)
  if (at && name in kind_of) {
    if (judged(substr(text, at + 1)) == "literal")
      tell(kind_of[name], NR, line_start, next_start, "", "")
    next
  }
}

# A name elsewhere, such as in an abbreviation.
{
  if (has_login(text)) tell("auth-token", NR, 0, 0, "compound", "")
  at = 1
  while ((at = find_variable(text, at)) > 0) {
    before = substr(text, 1, at - 1)
    at += length(named)
    rest = substr(text, at)
    if (looks_secret(rest) || rest ~ /^(=| += +)["\047]?[^ $(`;"\047]/ \
        || (before ~ /(^|[^A-Za-z0-9])set(env)? +(-[^ ]+ +)*$/ && before !~ / -[a-zA-Z]*[eqnS]/ \
            && rest ~ /^ +["\047]?[^ $(`;"\047]/))
      tell(kind_of[named], NR, 0, 0, "compound", "")
  }
}

function decoded(text,   done, code) {
  while (match(text, /\\x[0-9a-f][0-9a-f]/)) {
    code = 16 * digit(substr(text, RSTART + 2, 1)) + digit(substr(text, RSTART + 3, 1))
    done = done substr(text, 1, RSTART - 1) (code < 32 || code > 126 ? " " : sprintf("%c", code))
    text = substr(text, RSTART + 4)
  }
  return done text
}

function digit(c) { return index("0123456789abcdef", c) - 1 }
