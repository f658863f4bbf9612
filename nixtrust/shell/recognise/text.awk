# Variables in a text that is not taken apart further. What comes behind has a function
# report(KIND, LINE, HINDRANCE).

function newlines(text) {
  return gsub(/\n/, "\n", text)
}

# Tells of each variable that is given a literal somewhere in a text, whose first line is FIRST.
function tell_variables(text, first, hindrance,   at, start, name, following) {
  at = find_variable(text, 1)
  while (at > 0) {
    name = named
    start = at + length(name)
    following = find_variable(text, start)
    if (gets_literal(end_of(substr(text, 1, at - 1)), substr(text, start, reach)) ||
        looks_secret(following ? substr(text, start, following - start) : substr(text, start)))
      report(kind_of[name], first + newlines(substr(text, 1, at)), hindrance)
    at = following
  }
}

# Whether a variable that stands between these two texts is given a literal.
function gets_literal(before, after) {
  if (before ~ /[$][{]$/) {
    if (!match(after, /^:?[-=]/)) return 0
    after = substr(after, RLENGTH + 1)
    sub(/[}].*$/, "", after)
    return is_given(after)
  }
  if (before ~ /[$]$/ || only_looks(before)) return 0
  if (before ~ /(^|[^A-Za-z0-9_-])(setenv|setx|set)([ \t]+-[-A-Za-z]+)*[ \t]+["\047]?$/ &&
      match(after, /^["\047]?[ \t]+/)) {
    after = substr(after, RLENGTH + 1)
    # gh secret set NAME --repo REPOSITORY --body VALUE
    if (before ~ /secret[ \t]+set[ \t]/ && match(after, /(^|[ \t])(-b[ \t=]*|--body[ \t=]+)/))
      return begins_with_literal(substr(after, RSTART + RLENGTH))
    return after !~ /^-/ && begins_with_literal(after)
  }
  if (before ~ /["\047]$/ && after ~ /^=[ \t\n]/)
    return begins_with_literal(substr(before, length(before)) substr(after, 2))
  sub(/^["\047\]\\]+/, "", after)
  if (after ~ /^[ \t]*==/) return 0
  if (!match(after, /^[ \t]+[:+]?=[ \t]*/) && !match(after, /^[:+]?=/) && !match(after, /^:[ \t]*/))
    return 0
  return begins_with_literal(substr(after, RLENGTH + 1))
}
