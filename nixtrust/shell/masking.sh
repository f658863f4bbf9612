# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # with the others it is one script
# What leaves the machine has no token in it. Follows common.sh. All that a script answers passes
# mask_tokens: a token may stand in the name of a file, of an account, in an address, in what the
# daemon says. A person's own process may say what it likes of that person: no mask keeps that in.

# Awk functions: what is clearly a token.
token_shapes='
# Whether small letters, capitals and digits follow each other as in no name: of a random text three
# in five are of another kind than the one before, of a name one or two.
function is_random(text,   kinds) {
  if (text !~ /[0-9]/ || text !~ /[a-z]/ || text !~ /[A-Z]/) return 0
  kinds = text
  gsub(/[0-9]+/, "0", kinds)
  gsub(/[a-z]+/, "a", kinds)
  gsub(/[A-Z]+/, "A", kinds)
  return length(kinds) * 20 >= length(text) * 9
}
# Sets expected, with a slash at the end and without.
function expect(declared,   n, words, i) {
  n = split(declared, words, " ")
  for (i = 1; i <= n; i++) {
    expected[words[i]]
    sub(/\/$/, "", words[i])
    expected[words[i]]
    expected[words[i] "/"]
  }
}
# A commit has 40 characters.
function is_hex(text) {
  return length(text) >= 32 && length(text) != 40 && text ~ /^[0-9a-f]+$/ && text ~ /[0-9]/ && text ~ /[a-f]/
}
# A public key has 44 characters behind the colon, the last of them =; a secret key, 88. Hashes as Nix
# writes them.
function is_public(word,   body, name) {
  if (word ~ /^sha1[-:]/) return is_hash(substr(word, 6), 28, 32, 40)
  if (word ~ /^sha256[-:]/) return is_hash(substr(word, 8), 44, 52, 64)
  if (word ~ /^sha512[-:]/) return is_hash(substr(word, 8), 88, 103, 128)
  body = substr(word, index(word, ":") + 1)
  name = substr(word, 1, length(word) - length(body) - 1)
  return body != word && (length(body) == 43 || length(body) == 44) && body ~ /^[A-Za-z0-9+\/]+=?$/ && \
    length(name) <= 64 && name ~ /^[A-Za-z0-9._-]+$/ && !jwt_start(name)
}
function is_hash(text, base64, base32, hex) {
  return (length(text) == base64 || length(text) == base32 || length(text) == hex) && text ~ /^[A-Za-z0-9+\/=]+$/
}
# What stands before the == of a signing key, whose 64 bytes are 88 characters, slashes among them; of
# the text before one. Nothing if it ends otherwise.
function key_before(text,   runs, n) {
  n = split(text, runs, /[^A-Za-z0-9+\/]+/)
  return n && length(runs[n]) >= 86 && is_random(runs[n]) ? runs[n] : ""
}
# Where in a run of the characters of base64 a JSON web token begins, as tokens of Cachix are; behind
# another character of it only if it is long and looks random. 0: nowhere.
function jwt_start(run,   at) {
  at = match(run, /eyJ[A-Za-z0-9_-][A-Za-z0-9_-][A-Za-z0-9_-][A-Za-z0-9_-][A-Za-z0-9_-][A-Za-z0-9_-]/)
  if (at > 1 && substr(run, at - 1, 1) ~ /[A-Za-z0-9]/)
    return length(run) - at >= 24 && is_random(substr(run, at)) ? at : 0
  return at
}'

# mask_tokens: what is on standard input, with <token> for what is clearly a token, <token-2> for
# another one, so that two names do not become one. What is declared came from there, and returns.
# What looks drawn at random is one only after the word Cachix, and in records whose paths nothing
# else in the answer is found by: the path in an include has to be told as that of the file is.
# A word of more than 4096 characters names no file, and is looked through as a whole: anything else
# would take the square of its length.
mask_tokens() {
  declared=${declared-} awk "$token_shapes"'
    function label(token) {
      if (!(token in number)) number[token] = ++numbers
      return number[token] == 1 ? "<token>" : "<token-" number[token] ">"
    }
    # Keys first: their slashes part what is looked through for other tokens.
    function masked_word(word,   n, pieces, i, key, out, left) {
      if (is_apart && tolower(word) ~ /cachix/) is_about = 1
      if (word in expected || length(word) < 9 || is_public(word)) return word
      n = split(word, pieces, "==")
      out = left = ""
      for (i = 1; i < n; i++) {
        key = key_before(pieces[i])
        if (length(word) > 4096) {
          if (key != "") return "<token>"
        } else if (key == "") {
          left = left pieces[i] "=="
        } else {
          out = out masked_parts(left substr(pieces[i], 1, length(pieces[i]) - length(key))) label(key)
          left = ""
        }
      }
      return length(word) > 4096 ? masked_parts(word) : out masked_parts(left pieces[n])
    }
    function masked_parts(word,   n, parts, i, out, from, token, bare) {
      if (length(word) > 4096) {
        gsub(/eyJ[A-Za-z0-9_.=-]+/, "<token>", word)
        return word
      }
      if (word !~ /eyJ/ && length(word) < 28) return word
      gsub(/\001/, "?", word)
      # Runs of the characters of base64 come to stand at the odd places; \OOO is one of a name.
      gsub(/([\\][0-3][0-7][0-7]|[^A-Za-z0-9+=_-])+/, "\001&\001", word)
      n = split(word, parts, "\001")
      out = token = ""
      for (i = 1; i <= n; i += 2) {
        if (token != "" && parts[i - 1] == "." && (parts[i] ~ /^eyJ/ || length(parts[i]) >= 16)) {
          token = token "." parts[i]
          continue
        }
        if (token != "") out = out label(token)
        if (i > 1) out = out parts[i - 1]
        from = jwt_start(parts[i])
        token = ""
        bare = parts[i]
        gsub(/[+=_-]/, "", bare)
        if (from) {
          token = substr(parts[i], from)
          out = out substr(parts[i], 1, from - 1)
        } else if (length(bare) >= (is_about ? 28 : 60) && is_random(bare)) {
          token = parts[i]
        } else {
          out = out parts[i]
        }
      }
      return token == "" ? out : out label(token)
    }
    BEGIN { expect(ENVIRON["declared"]) }
    $0 !~ /eyJ/ && length($0) < 28 {
      print
      next
    }
    {
      is_apart = $0 ~ /^[|]*(credential|cachix-hostname|unread-place|trust|outcome|file\t(done|changed|refused|failed))\t/
      n = split($0, fields, "\t")
      for (i = 1; i <= n; i++) {
        is_about = 0
        count = split(fields[i], words, / /)
        if (i > 1) printf "\t"
        for (j = 1; j <= count; j++) printf "%s%s", (j > 1 ? " " : ""), masked_word(words[j])
      }
      print ""
    }'
}
