# What is encrypted is no credential: that part of a file is left out, all of one that is so as a
# whole. https://www.rfc-editor.org/rfc/rfc9580, https://age-encryption.org/v1, https://getsops.io.

NR == 1 && /^age-encryption[.]org\/v1/ {
  exit
}

# Bytes alone, as OpenPGP writes them; but another script than the Latin one begins so too, and a file
# in UTF-16 has such a byte behind each character.
NR == 1 {
  is_binary = /^\^/ && gsub(/\^/, "^") * 2 > length($0)
}

is_binary && !has_text($0) {
  next
}

{
  # A key that only somebody else's key opens.
  sub(/"enc":[ \t]*"[^"]*"/, "")
  sub(/-----BEGIN (PGP|AGE) [A-Z ]+-----.*-----END (PGP|AGE) [A-Z ]+-----/, "")
}

/-----BEGIN (PGP MESSAGE|AGE ENCRYPTED FILE)-----/ {
  is_armoured = 1
}

END {
  if (is_armoured) tell("unclear", NR, 0, 0, "unclear", "")
}

is_armoured {
  if (/-----END (PGP|AGE) /) is_armoured = 0
  next
}

looks_secret($0) {
  is_in_the_clear = 1
}

/^[ \t]*"?(sops_)?mac"?[ \t]*[:=][ \t]*"?ENC\[/ {
  is_of_sops = 1
}

# What sops says of itself in an environment file.
/^sops_[a-z0-9_]+=/ {
  next
}

function has_text(line,   plain) {
  plain = line
  gsub(/\^/, "", plain)
  return looks_secret(plain) || plain ~ /authToken|secretKey|CACHIX_/ || (plain == line && length(line) >= 16)
}
