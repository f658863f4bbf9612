# What editors keep of files besides them: viminfo and Neovim's shada, swap and undo files, what Emacs
# calls #NAME#. A byte that is no text ends a line here, and so does the last blank within 1024 bytes.
# The file goes as a whole, so each kind is told once, and an unknown one where there is no other.

BEGIN {
  besides = "editor"
  comment_mark = ""
  goes_whole = 1
}

{
  note_indirect($0, NR)
  tell_pieces($0)
}

function report(kind, line, hindrance) {
  if (kind in is_told || (kind == "unclear" && is_anything_told)) return
  is_told[kind]
  tell(kind, line, 0, 0, hindrance, "")
}
