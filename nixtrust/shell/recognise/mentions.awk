# A token that reaches Cachix in another way than in one of its variables: `cachix authtoken TOKEN`,
# what is piped or redirected into it, and what looks secret in a command about Cachix. Goes last, and
# is given each line by what goes before it.

BEGIN {
  document_mark = command_line = ""
  mentions_found = 0
}

END {
  look_for_mentions()
  for (i = 1; i <= mentions_found; i++)
    tell_besides(mention_kind[i], mention_from[i], mention_to[i])
}

function note_mention(line) {
  if (substr(line, length(line)) == "\r") line = substr(line, 1, length(line) - 1)
  if (document_mark != "") {
    note_document(line)
    return
  }
  if (command_line == "") command_from = NR
  command_line = command_line without_comment(line)
  if (length(command_line) < reach && goes_on(command_line)) {
    sub(/\\$/, "", command_line)
    return
  }
  look_for_mentions()
  command_line = ""
}

# The here-document of a command about Cachix, which may be what `cachix authtoken --stdin` reads.
function note_document(line) {
  gsub(/^[ \t]+|[ \t]+$/, "", line)
  if (line == document_mark) document_mark = ""
  else if (is_login_document && is_given(line)) mention("auth-token", NR)
  else if (looks_secret(line)) mention("unclear", NR)
}

function without_comment(line,   at, from) {
  if (line ~ /^[ \t]*#/) return ""
  if (length(line) > reach) return line
  from = 1
  while (match(substr(line, from), /[ \t]#/)) {
    at = from + RSTART - 1
    if (open_quote(substr(line, 1, at)) == "") return substr(line, 1, at - 1)
    from = at + 2
  }
  return line
}

function look_for_mentions() {
  if (has_login(command_line)) mention("auth-token", command_from)
  else if (secret_kind(command_line) != "") mention(secret_kind(command_line), command_from)
  if (length(command_line) > reach) return
  if (tolower(command_line) ~ /cachix/ && command_line !~ /<<<|[(][(]/ &&
      match(command_line, /<<-?[ \t]*["\047\\]?[A-Za-z0-9_]+/)) {
    document_mark = substr(command_line, RSTART, RLENGTH)
    is_login_document = command_line ~ /cachix.*authtoken/
    sub(/.*[^A-Za-z0-9_]/, "", document_mark)
  }
}

function mention(kind, line) {
  mention_kind[++mentions_found] = kind
  mention_from[mentions_found] = line
  mention_to[mentions_found] = NR
}
