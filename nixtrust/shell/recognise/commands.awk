# Commands as people typed them, and lines as they wrote them, in a file that is not of a shell's syntax.
# What comes behind has the function report(KIND, LINE, HINDRANCE), and in `besides` the hindrance.

function is_about(text) {
  return text ~ /[Cc][Aa][Cc][Hh][Ii][Xx]|auth[Tt]oken|secretKey/
}

# `first` is the first line of what is told.
function tell_command(text) {
  if (!is_about(text)) return
  tell_variables(text, first, besides)
  tell_logins(text, first, besides)
  if (secret_kind(text) != "") report(secret_kind(text), first, besides)
}

# A line of binary data: texts stand right behind each other, between bytes that are no text.
function tell_pieces(line,   n, piece, i) {
  first = NR
  n = split(line, piece, /\^+/)
  # In front of a text its length may look like a character of it.
  for (i = 1; i <= n; i++)
    if (piece[i] ~ /^.?[ \t]*[#;]/) note_comment(piece[i], NR, 0, 0)
    else if (is_about(piece[i])) {
      gsub(/[A-Za-z0-9]CACHIX_/, " &", piece[i])
      gsub(/ [A-Za-z0-9]CACHIX_/, " CACHIX_", piece[i])
      tell_command(piece[i])
    }
}
