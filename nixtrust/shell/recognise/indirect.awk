# A token that reaches its variable through another one: `T=eyJ…`, then `CACHIX_AUTH_TOKEN=$T`. Line by
# line, and only of what can be nothing but a secret.

{ note_indirect(substr($0, 1, 4096)) }

function note_indirect(line,   at, rest) {
  if (line ~ /^[ \t]*#/) return
  at = find_variable(line, 1)
  if (at) {
    rest = substr(line, at + length(named))
    if (match(rest, /^[ \t]*[:=]?[ \t]*["\047]?[$](env[.])?[{]?[A-Za-z_][A-Za-z0-9_]*/)) {
      rest = substr(rest, 1, RLENGTH)
      sub(/.*[$](env[.])?[{]?/, "", rest)
      taken_by[rest] = named
    }
  } else if (secret_lines < 50 && looks_secret(line)) {
    secret_lines++
    secret_line[secret_lines] = line
    secret_at[secret_lines] = NR
  }
}

END {
  for (other in taken_by)
    for (i = 1; i <= secret_lines; i++)
      if (secret_line[i] ~ ("(^|[^A-Za-z0-9_])" other "[ \t]*[=: \t][ \t]*[\"\047]?[A-Za-z0-9]"))
        tell(kind_of[taken_by[other]], secret_at[i], 0, 0, "compound", "")
}
