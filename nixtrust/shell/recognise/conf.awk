# nix.conf: who may read from a cache of Cachix's, in an address of any setting, a variable that impure-env
# sets, and what is clearly a token or a key in a comment. All that is no comment alone on its line is among
# other things there: of an address what stands before its host may go, of variables the word, of a comment
# what stands behind its mark.
# NixOS/nix src/libutil/configuration.cc: a number sign anywhere begins a comment, and blanks are space,
# tab and carriage return. curl takes all before the last @ for a name and a password.

BEGIN {
  comment_mark = ""
  at_host = hosts
  gsub(/[.]/, "[.]", at_host)
  at_host = "@([a-z0-9-]+[.])*" at_host "[.]?([:/?]|$)"
}

{
  mark = index($0, "#")
  if (!mark) comment_is_about = 0
  else if ($0 ~ comment_line) note_comment($0, NR, line_start, next_start)
  else note_comment_behind(mark)
  tell_addresses(mark ? substr($0, 1, mark - 1) : $0)
}

END {
  for (i = 1; i <= comments_found; i++)
    if (i in behind_from) tell(comment_kind[i], comment_at[i], behind_from[i], behind_to[i], "", "")
}

function note_comment_behind(mark,   before) {
  before = comments_found
  note_comment(substr($0, mark), NR, 0, 0)
  if (comments_found == before) return
  behind_from[comments_found] = line_start + mark
  behind_to[comments_found] = next_start - 1 - ($0 ~ /\r$/)
}

function tell_addresses(text,   words, n, i, at, host) {
  n = split(text, words, /[ \t\r]/)
  at = line_start
  for (i = 1; i <= n; i++) {
    tell_assignment(words[i], at)
    host = index(words[i], "://")
    if (host && index(words[i], "@")) tell_address(substr(words[i], host + 3), at + host + 2)
    at += length(words[i]) + 1
  }
}

# Of impure-env: a word NAME=VALUE, and where it begins.
function tell_assignment(word, from,   name, value) {
  name = value = word
  if (!sub(/=.*/, "", name) || !(name in kind_of)) return
  sub(/^[^=]*=/, "", value)
  if (is_written(value)) tell(kind_of[name], NR, from, from + length(word), "", "")
}

# An address without its scheme, and where that begins.
function tell_address(address, from,   before, cache) {
  if (!match(tolower(address), at_host)) return
  before = substr(address, 1, RSTART - 1)
  cache = tolower(substr(address, RSTART + 1))
  if (!sub("[.]" hosts ".*", "", cache)) cache = ""
  if (lets_in(before)) tell("auth-token", NR, from, from + RSTART, "", cache)
}

# NAME:PASSWORD, of which one may be missing. Where there is no password, the name may be a token.
function lets_in(before,   name, password) {
  name = password = before
  sub(/:.*/, "", name)
  if (!sub(/^[^:]*:/, "", password)) password = ""
  return looks_secret(name) || is_written(password == "" ? name : password)
}

# Nix expands nothing: ${TOKEN} is a place to fill in.
function is_written(value) {
  return value !~ /^[$][{]?[A-Za-z_][A-Za-z0-9_]*[}]?$/ && judged(value) == "literal"
}
