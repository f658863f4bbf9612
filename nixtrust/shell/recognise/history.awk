# What was typed: the histories of bash, zsh, fish, tcsh and nushell, and as raw bytes the databases
# of atuin and nushell. A live shell writes its history back, so nothing is taken out.

BEGIN {
  pending = comment_mark = ""
  told = 0
  besides = "history"
}

{ note_indirect($0, NR) }

# https://www.sqlite.org/fileformat2.html: the database, and what is written ahead of it.
NR == 1 && /^(SQLite format 3|7\^\^\^)/ {
  is_database = 1
}

is_database {
  tell_pieces($0)
  next
}

pending == "" && !is_about($0) && !goes_on($0) {
  next
}

# A comment, or a time of bash or tcsh.
pending == "" && /^#/ {
  note_comment($0, NR, 0, 0)
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

# One finding for a line is enough: it goes as a whole.
function report(kind, line, hindrance) {
  line = first
  if (line == last_told) return
  tell(kind, line, 0, 0, hindrance, "")
  last_told = line
  if (++told >= 50) exit
}
