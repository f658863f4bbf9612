# What looks secret on a line about Cachix, where no shell reads it. Goes last, and is given each line
# by what goes before it.

function note_secret(line, number) {
  sub(/(^|[ \t])[#;].*/, "", line)
  if (secrets_found >= 50 || secret_kind(line) == "") return
  secret_found[++secrets_found] = secret_kind(line)
  secret_found_at[secrets_found] = number
}

END {
  for (i = 1; i <= secrets_found; i++)
    tell_besides(secret_found[i], secret_found_at[i], secret_found_at[i])
}
