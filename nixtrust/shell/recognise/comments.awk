# What is clearly a token or a key in a comment about Cachix: no place to fill in, and no word that may
# be anything. A comment goes on over lines that are comments. Goes last; common.awk gives it each line,
# and others what they alone know to be a comment. Of a file that goes whole nothing more is told.
#   is_about_cachix  whether a whole file is
#   goes_whole       whether the file does, and its comments with it

END {
  for (i = 1; i <= comments_found && !(goes_whole && is_anything_told); i++) tell_comment(i)
}

# A person may take the whole line out, if FROM and TO bound one.
function tell_comment(i,   is_whole) {
  if (comment_at[i] in is_told_at || comment_goes[i]) return
  is_whole = !(comment_at[i] in has_return)
  tell(comment_kind[i], comment_at[i], is_whole * comment_from[i], is_whole * comment_to[i], \
    (besides ~ /^(history|editor)$/ ? besides : "comment"), "")
}

# A comment's line, from its mark on. FROM and TO bound it if nothing else stands in the line.
function note_comment(text, number, from, to,   mentioned) {
  text = substr(text, 1, 16384)
  mentioned = tolower(text) ~ /cachix|authtoken/
  if (mentioned) comment_is_about = 1
  if (comments_found >= 50 || !holds_whole_secret(text)) return
  if (!mentioned && !is_about_cachix && !(comment_is_about && is_secret_alone(text))) return
  comment_kind[++comments_found] = kind_in_comment(text)
  comment_at[comments_found] = number
  comment_from[comments_found] = from
  comment_to[comments_found] = to
}

function kind_in_comment(text) {
  if (find_variable(text, 1)) return kind_of[named]
  if (tolower(text) ~ /auth-?token|password/) return "auth-token"
  return text ~ /secretKey/ ? "signing-key" : bare
}

# Nothing else but what may be called one stands in front of a secret: `token: eyJ…`, `password eyJ…`.
function is_secret_alone(text) {
  return tolower(text) ~ /^[^a-z0-9]*((password|secret-?key|token|key)[ \t]*[:=]?)?[ \t"\047`]*(eyj|[a-z0-9+\/]+=*[^a-z0-9+\/=]*$)/
}

# Whether a text holds a web token or a signing key, and all of it.
function holds_whole_secret(text,   i, n, run) {
  if (!looks_secret(text)) return 0
  gsub(/sha[0-9]+-[A-Za-z0-9+\/=]+/, "", text)
  text = without_encrypted(text)
  if (holds_whole_token(text)) return 1
  n = split(text, run, /[^A-Za-z0-9+\/=]+/)
  for (i = 1; i <= n; i++) if (ends_in_key(run[i])) return 1
  return 0
}

# 64 bytes in base64, alone or behind an equals sign. What is longer is somebody's public key.
function ends_in_key(run,   key, size) {
  size = length(run)
  key = substr(run, size - 87)
  return size >= 88 && key ~ /^[^=]+==$/ && is_mixed(key) && \
    (size == 88 || substr(run, size - 88, 1) == "=")
}

# What is shortened goes on in dots, or in a character other than plain ASCII; what is to be filled in
# has xxxx or a bracket.
function holds_whole_token(text,   before, token) {
  while (match(text, /eyJ[A-Za-z0-9_.-]+/)) {
    before = RSTART > 1 ? substr(text, RSTART - 1, 1) : ""
    token = substr(text, RSTART + 3, RLENGTH - 3)
    text = substr(text, RSTART + RLENGTH)
    if (before !~ /[A-Za-z0-9_^]/ && length(token) >= 21 && is_mixed(token) && token !~ /[.][.]/ &&
        tolower(token) !~ /xxxx/ && !(text ~ /^[^ \t]/ && token ~ /[.]$/) && text !~ /^[<{$^*\[]/)
      return 1
  }
  return 0
}

function is_mixed(text) {
  return text ~ /[a-z]/ && text ~ /[A-Z]/ && text ~ /[0-9]/
}
