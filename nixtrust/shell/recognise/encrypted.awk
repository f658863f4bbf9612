# What is encrypted is no credential: that part of a file is left out, all of one that is so as a
# whole. https://www.rfc-editor.org/rfc/rfc9580, https://age-encryption.org/v1, https://getsops.io.

# Bytes alone, as OpenPGP writes them: no text that a person begins is so.
NR == 1 && (/^age-encryption[.]org\/v1/ || (/^\^/ && gsub(/\^/, "^") * 2 > length($0))) {
  exit
}

{
  sub(/-----BEGIN (PGP|AGE) [A-Z ]+-----.*-----END (PGP|AGE) [A-Z ]+-----/, "")
}

/-----BEGIN (PGP MESSAGE|AGE ENCRYPTED FILE)-----/ {
  is_armoured = 1
}

is_armoured {
  if (/-----END (PGP|AGE) /) is_armoured = 0
  next
}

/^[ \t]*"?(sops_)?mac"?[ \t]*[:=][ \t]*"?ENC\[/ {
  is_of_sops = 1
}

# What sops says of itself in an environment file.
/^sops_[a-z0-9_]+=/ {
  next
}
