# Credentials that are told at the file's end, because a line may go only if more than it stands in
# the same part of a block. What comes behind counts in `content` what stands in each part besides
# what may go, and keeps in `branch_of` in which part a finding stands; the file itself is part 0.

function note(kind, line, what) {
  findings++
  noted[line] = findings
  kind_found[findings] = kind
  line_found[findings] = line
  hindrance[findings] = what
  from_byte[findings] = line_start
  to_byte[findings] = next_start
}

function hinder(i) { if (i && hindrance[i] == "") hindrance[i] = "compound" }

# From where on the quotes, brackets or blocks are not understood.
function lose(line) { if (!lost_from || line < lost_from) lost_from = line }

function tell_findings(   i) {
  for (i = 1; i <= findings; i++) report(i)
}

function report(i,   what) {
  what = hindrance[i]
  if (lost_from && line_found[i] >= lost_from) what = "unclear"
  else if (what == "" && branch_of[i] && !content[branch_of[i]]) what = "block"
  if (what == "") tell(kind_found[i], line_found[i], from_byte[i], to_byte[i], "", "")
  else tell(kind_found[i], line_found[i], 0, 0, what, "")
}
