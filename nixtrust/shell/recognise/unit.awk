# systemd.syntax(7): units, their drop-ins, system.conf and user.conf. A backslash at the end joins
# lines, comments between them are left out.

BEGIN {
  comment_mark = "^[ \t]*;|(^|[ \t])#"
  comment_line = "^[ \t]*[#;]"
  pending = ""
  is_continued = others = 0
  is_about = is_about_cachix
}

tolower($0) ~ /cachix/ {
  is_about = 1
}

{
  note_indirect($0, NR)
  note_secret($0, NR)
}

/^[ \t]*[#;]/ && !/\r./ {
  if (is_continued) pending = pending "\n"
  else is_continued = /\\[ \t\r]*$/
  if (is_continued && pending == "") { pending = "\n"; first = NR }
  next
}

{
  if (pending == "") first = NR
  is_continued = /\\[ \t\r]*$/
  text = $0
  if (is_continued) sub(/\\[ \t\r]*$/, " ", text)
  pending = pending text "\n"
  if (is_continued) next
  tell_setting(pending)
  pending = ""
}

END {
  if (pending != "") tell_setting(pending)
  for (i = 1; is_about && i <= others; i++) report("unclear", other_line[i], other_hindrance[i])
}

function tell_setting(text,   setting, value, hindrance) {
  hindrance = "compound"
  if (first < NR || is_continued) hindrance = "several-lines"
  else if (text ~ /\r[^\n]/) hindrance = "unclear"
  gsub(/[$][$]/, "$", text)
  if (hindrance == "compound" &&
      match(text, /^[ \t]*(Default|Manager)?Environment[ \t]*=[ \t]*/) &&
      is_one_literal(substr(text, RLENGTH + 1))) {
    tell(kind_of[named], NR, line_start, next_start, "", "")
    return
  }
  if (match(text, /^[ \t\n]*SetCredential[ \t]*=[ \t]*[^: \t\n]+:/)) {
    setting = substr(text, 1, RLENGTH - 1)
    value = substr(text, RLENGTH + 1)
    sub(/^.*=[ \t]*/, "", setting)
    if (!is_given(value)) return
    if (credential_kind(setting) != "") report(credential_kind(setting), first, hindrance)
    else {
      other_line[++others] = first
      other_hindrance[others] = hindrance
    }
    return
  }
  tell_variables(text, first, hindrance)
  tell_logins(text, first, hindrance)
}

# Whether an Environment= gives the variable `named` one literal and nothing else.
function is_one_literal(value,   assignment) {
  sub(/[ \t\r\n]+$/, "", value)
  if (value ~ /^"[^"\047\\]*"$/ || value ~ /^\047[^"\047\\]*\047$/)
    assignment = substr(value, 2, length(value) - 2)
  else if (value ~ /^[^"\047\\ \t\r]*$/) assignment = value
  else if (value ~ /^[A-Z_]+=("[^"\047\\]*"|\047[^"\047\\]*\047)$/) assignment = value
  else return 0
  if (find_variable(assignment, 1) != 1) return 0
  assignment = substr(assignment, length(named) + 1)
  return assignment ~ /^=/ && weighed(substr(assignment, 2)) == "literal"
}

# nixpkgs nixos/modules/services/system/cachix-watch-store.nix: cachix-token and signing-key.
function credential_kind(id) {
  if (id in kind_of) return kind_of[id]
  if (id ~ /signing-key/) return "signing-key"
  if (id ~ /cachix.*agent/) return "agent-token"
  return id ~ /cachix/ ? "auth-token" : ""
}

# A credential that is to stay where it is.
function report(kind, line, hindrance) {
  tell(kind, line, 0, 0, hindrance, "")
}
