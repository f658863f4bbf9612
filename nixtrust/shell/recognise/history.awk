# What was typed: the histories of bash, zsh, fish, tcsh and nushell, and as raw bytes the databases
# of atuin and nushell. A live shell writes its history back, so nothing is taken out.

BEGIN {
  pending = ""
  told = 0
  besides = "history"
}

{ note_indirect($0, NR) }

# https://www.sqlite.org/fileformat2.html: the database, and what is written ahead of it.
NR == 1 && /^(SQLite format 3|7\^\^\^)/ {
  is_database = 1
}

# Columns stand right behind each other, between bytes that are no text.
is_database {
  first = NR
  pieces = split($0, piece, /\^+/)
  for (i = 1; i <= pieces; i++)
    if (is_about(piece[i])) {
      gsub(/[A-Za-z0-9]CACHIX_/, " &", piece[i])
      gsub(/ [A-Za-z0-9]CACHIX_/, " CACHIX_", piece[i])
      tell_command(piece[i])
    }
  next
}

pending == "" && !is_about($0) && !goes_on($0) {
  next
}

# A comment, or a time of bash or tcsh.
pending == "" && /^#/ {
  next
}

{
  text = $0
  if (pending == "") {
    first = NR
    is_zsh = sub(/^: [0-9]+:[0-9]+;/, "", text)
    is_fish = sub(/^- cmd: /, "", text)
    if (is_fish) {
      gsub(/\\\\/, "\001", text)
      gsub(/\001\\n/, "", text)
      gsub(/\\n/, " ; ", text)
      gsub(/\001/, "\\\\", text)
    }
  }
  if (!is_fish && goes_on(text) && length(pending) < 65536) {
    # Of a typed line end zsh keeps one backslash, of a continuation two.
    # Not within sub's arguments: BWK's awk replaces nothing then.
    joint = is_zsh && text !~ /\\\\$/ ? " ;" : ""
    sub(/\\+$/, joint, text)
    pending = pending text
    next
  }
  tell_command(pending text)
  pending = ""
}

END {
  if (pending != "") tell_command(pending)
}

function is_about(text) {
  return text ~ /[Cc][Aa][Cc][Hh][Ii][Xx]|auth[Tt]oken|secretKey/
}

function tell_command(text) {
  if (!is_about(text)) return
  tell_variables(text, first, "history")
  tell_logins(text, first, "history")
  if (secret_kind(text) != "") report(secret_kind(text), first, "history")
}

# One finding for a line is enough: it goes as a whole.
function report(kind, line, hindrance) {
  line = first
  if (line == last_told) return
  tell(kind, line, 0, 0, hindrance, "")
  last_told = line
  if (++told >= 50) exit
}
