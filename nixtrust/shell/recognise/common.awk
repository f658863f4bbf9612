# What every recogniser begins with: one program of awk for each syntax, this text in front. They read
# one file whose bytes other than plain ASCII were made '^' (of an editor's, line ends), one for one, so
# that a character is a byte, and print a line for each credential in it; never a part of a value. Given with -v:
#   variables   NAME=KIND …: which variable holds which kind of credential
#   bare        the kind of a secret that stands alone
#   hosts       the domain whose netrc entries are meant
#   called      1 if the file's own name says that it is about Cachix

BEGIN {
  n = split(variables, pair, " ")
  for (i = 1; i <= n; i++) {
    split(pair[i], part, "=")
    kind_of[part[1]] = part[2]
  }
  n = split("and as at before by empty example first for from here hidden if in instead into is it " \
    "key me missing my no none not null nil now of on or placeholder please redacted sample secret " \
    "set tbd the then to todo token undefined unset usage using value via when with without you your " \
    "change changeme dummy enter fake fill fixme insert paste replace replaceme", part, " ")
  for (i = 1; i <= n; i++) prose[part[i]]
  line_start = next_start = 0
  besides = "compound"
  # What a comment begins with, and whether it is the whole line; empty where a recogniser alone knows.
  comment_mark = "(^|[ \t;])#"
  comment_line = "^[ \t]*#"
  comments_found = comment_is_about = goes_whole = is_anything_told = 0
  is_about_cachix = called + 0
}

# Where the present line begins, in bytes from the beginning of the file.
{
  line_start = next_start
  next_start += length($0) + 1
}

# A carriage return that ends no line may be meant to: what a person sees as many lines, and each
# program as one, is not cut.
/\r./ {
  has_return[NR]
  return_start[++returns] = line_start
  return_end[returns] = next_start
}

# Whether a line with such a return is among the bytes that are to go, or is the one that is told.
function has_return_within(line, from, to,   i) {
  if (from >= to) return line in has_return
  for (i = returns; i > 0 && return_end[i] > from; i--) if (return_start[i] < to) return 1
  return 0
}

comment_mark != "" {
  if (!match($0, comment_mark)) comment_is_about = 0
  else if ($0 ~ comment_line) note_comment($0, NR, line_start, next_start)
  else note_comment(substr($0, RSTART), NR, 0, 0)
}

# tell(KIND, LINE, FROM, TO, HINDRANCE, CACHE): a credential. FROM and TO bound the bytes that are to
# go (TO excluded); a hindrance tells why nixtrust must not take them out.
function tell(kind, line, from, to, hindrance, cache,   i) {
  is_told_at[line]
  is_anything_told = 1
  # A comment within what goes as a whole goes with it.
  for (i = 1; i <= comments_found; i++)
    if (comment_to[i] && comment_from[i] >= from && comment_to[i] <= to) comment_goes[i] = 1
  cache = cache_name(cache)
  if (hindrance == "" && has_return_within(line, from, to)) {
    hindrance = "compound"
    from = to = 0
  }
  printf "%s\t%d\t%d\t%d\t%s\t%s\n", kind, line, from, to, \
    (hindrance == "" ? "-" : hindrance), (cache == "" ? "-" : cache)
}

# hold(KIND, LINE, CACHE): a credential of a file that goes as a whole, until all of it is read.
function hold(kind, line, cache) {
  held_kind[++held] = kind
  held_line[held] = line
  held_cache[held] = cache
}

function tell_held(hindrance,   i) {
  for (i = 1; i <= held; i++) tell(held_kind[i], held_line[i], 0, 0, hindrance, held_cache[i])
}

# A credential in lines FROM to TO of which nothing else was told, and which is to stay.
function tell_besides(kind, from, to,   line) {
  for (line = from; line <= to; line++) if (line in is_told_at) return
  tell(kind, from, 0, 0, besides, "")
}

# By its shape, which no token has. https://docs.cachix.org: lower-case letters, digits, dashes.
function cache_name(text) {
  return text ~ /^[a-z0-9][a-z0-9-]*$/ && length(text) <= 50 ? text : ""
}

# The first position from START on where one of the variables is named as a whole word, which `named`
# then is; 0 if none is.
function find_variable(text, start,   rest, at, name, found, before, after) {
  found = 0
  for (name in kind_of) {
    rest = start
    while ((at = index(substr(text, rest), name)) > 0) {
      at += rest - 1
      before = at > 1 ? substr(text, at - 1, 1) : ""
      after = substr(text, at + length(name), 1)
      if (before !~ /[A-Za-z0-9_]/ && after !~ /[A-Za-z0-9_]/) {
        if (!found || at < found) { found = at; named = name }
        break
      }
      rest = at + length(name)
    }
  }
  return found
}

# judged(VALUE): what a value is whose quotes are off, where nothing in it is expanded: "empty",
# "reference" (an address such as op://…, a path, a place to fill in such as {{ … }} or <…>, what is
# encrypted, words of prose), or "literal".
function judged(value) {
  gsub(/^[ \t\r]+|[ \t\r]+$/, "", value)
  if (value == "") return "empty"
  if (value ~ /^[a-z][a-z0-9+.-]*:\/\/[^ ]/ || value ~ /^\{\{.*\}\}$/) return "reference"
  if (value ~ /^(<.*>|@[A-Za-z0-9_]+@|%[A-Za-z0-9_]+%|vault:[^ ]+\/[^ ]+)$/) return "reference"
  # What sed or grep is to find.
  if (value ~ /^[(]?[.][*]/) return "reference"
  if (without_encrypted(value) == "" || is_path(value) || is_prose(value)) return "reference"
  return "literal"
}

# Base64 may begin with a slash too; a key of Cachix's then ends in equals signs.
function is_path(value) {
  return value ~ /^(~[A-Za-z0-9_.-]*|[.][.]?|%[dhtECLS])?\/[^=+]*$/ && !looks_secret(value)
}

# Whether what stands for a value is a message or a place to fill in: `not set`, `your-token-here`,
# `REPLACE_ME`, `xxx…`. No secret is of words alone and has one of these among them.
function is_prose(value,   i, n, part) {
  value = tolower(value)
  if (value ~ /^(eyj?)?[x.*_?-]*(xxx|[.][.]|[*])[x.*_?-]*$/) return 1
  if (value ~ /[;&|=]/ || value !~ /^[^a-z0-9^]?[a-z]+([^a-z0-9^]+[a-z]+)*[^a-z0-9^]*$/) return 0
  gsub(/[^a-z]+/, " ", value)
  n = split(value, part, " ")
  for (i = 1; i <= n; i++) if (part[i] in prose) return 1
  return 0
}

# As sops and dotenvx write values: ENC[AES256_GCM,…], encrypted:BASE64.
function without_encrypted(text) {
  gsub(/ENC\[[^]]*\]|encrypted:[A-Za-z0-9+\/=]+/, "", text)
  return text
}

# Whether a text holds what can only be a secret: the beginning of a JSON web token, as Cachix's
# tokens are, or a run of base64 as long as a signing key.
function looks_secret(text,   i, n, run) {
  if (text ~ /ENC\[|encrypted:/) text = without_encrypted(text)
  if (text ~ /eyJ[A-Za-z0-9_-][A-Za-z0-9_-][A-Za-z0-9_-][A-Za-z0-9_-][A-Za-z0-9_-][A-Za-z0-9_-]/) return 1
  if (length(text) < 64) return 0
  n = split(text, run, /[^A-Za-z0-9+\/=]+/)
  for (i = 1; i <= n; i++)
    if (length(run[i]) >= 64 && run[i] !~ /^\/.*[^=]$/ && run[i] ~ /[a-z]/ && run[i] ~ /[A-Z]/ && \
      run[i] ~ /[0-9]/) return 1
  return 0
}

# Whether a command in a text prints a literal, as in $(echo …), or is given one, as in $(cat <<< …).
function prints_literal(text) {
  gsub(/[ \t]+(-[A-Za-z]+|["\047]?%[bqs](\\n)?["\047]?)[ \t]/, " ", text)
  while (match(text, /(<<<|(^|[(`;&|]|[ \t;](or|and)[ \t])[ \t]*(echo|printf)[ \t])[ \t]*/)) {
    text = substr(text, RSTART + RLENGTH)
    if (text ~ /^["\047]?[A-Za-z0-9+\/=_^]/ && judged(first_of(text)) == "literal") return 1
  }
  return 0
}

# What a text begins with: what is in quotes, or what a blank or an operator ends.
function first_of(text) {
  if (match(text, /^"[^"]*/) || match(text, /^\047[^\047]*/)) return substr(text, 2, RLENGTH - 1)
  sub(/["\047;&|<>)` \t].*/, "", text)
  return text
}
