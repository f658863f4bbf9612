# A token that reaches Cachix through another variable: `T=eyJ…`, then `CACHIX_AUTH_TOKEN=$T`. Of what
# can be nothing but a secret alone. Goes last, and is given each line by what goes before it.

function note_indirect(line, number,   at, rest) {
  if (line ~ /^[ \t]*#/) return
  line = substr(line, 1, 4096)
  if ((at = find_variable(line, 1)) > 0) {
    rest = substr(line, at + length(named))
    if (note_taken(rest, "^([ \t]+(DEFAULT|OVERRIDE)=|[ \t]*[:=]?[ \t]*)", kind_of[named])) return
  } else if (line ~ /cachix.*authtoken/) {
    if (note_taken(line, "authtoken([ \t]+--?[a-z]+)*[ \t]*(<<<)?[ \t]*", "auth-token")) return
    if (note_taken(line, "(echo|printf|print)[ \t]+([-%\"\047][^$|]*[ \t]+)?", "auth-token")) return
  }
  if (secret_lines < 1000 && looks_secret(line)) {
    secret_lines++
    secret_line[secret_lines] = line
    secret_at[secret_lines] = number
  }
}

# Whether a text has, behind what BEFORE matches, another variable's value, which is of that kind.
function note_taken(text, before, kind,   name) {
  if (!match(text, before "[\"\047]?[$](env[.])?[{]?[A-Za-z_][A-Za-z0-9_]*")) return 0
  name = substr(text, RSTART, RLENGTH)
  sub(/.*[$](env[.])?[{]?/, "", name)
  taken_as[name] = kind
  return 1
}

END {
  for (other in taken_as)
    for (i = 1; i <= secret_lines; i++)
      if (secret_line[i] ~ ("(^|[^A-Za-z0-9_])" other "[ \t]*[=: \t][ \t]*[\"\047(]*[A-Za-z0-9]") ||
          secret_line[i] ~ ("read[ \t]([^|;&]*[ \t])?" other "([^A-Za-z0-9_]|$)"))
        tell_besides(taken_as[other], secret_at[i], secret_at[i])
}
