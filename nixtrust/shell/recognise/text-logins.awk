# Commands in a text, as text.awk has variables.

# What follows `<<` is not looked at.
BEGIN { documents_count = 1 }

# Tells of each `cachix authtoken TOKEN` in a text, whose first line is FIRST.
function tell_logins(text, first, hindrance,   at, start, before, tries) {
  start = 1
  # No text that a person wrote has more.
  for (tries = 0; tries < 100 && (at = index(substr(text, start), "authtoken")) > 0; tries++) {
    at += start - 1
    start = at + length("authtoken")
    before = substr(text, 1, at - 1)
    if (is_login(end_of(before), substr(text, start, reach)))
      report("auth-token", first + newlines(before), hindrance)
  }
}
