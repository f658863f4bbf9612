# cachix.dhall: a record of authToken, hostname and binaryCaches, each with a secretKey
# (cachix/cachix src/Cachix/Client/Config.hs). Dhall is a language, so a credential may come from
# anywhere: what is not one of these fields with a plain value is unclear, and only what surely
# holds nothing is clean. The whole file is what goes, so no range is told; but not one that is unclear
# anywhere, nor one that imports, which Cachix never writes: it would be the last that tells where the
# secret itself lies.
# The grammar: https://github.com/dhall-lang/dhall-lang/blob/master/standard/dhall.abnf. What Dhall
# would not accept although it holds no value either, such as `{ }`, is clean too. So is what sops
# has made of one, which is JSON.
#
# If there is a credential, a further line tells what Cachix it is for, if not https://cachix.org:
#   hostname LINE 0 0 - ADDRESS
# The address is a dash unless it has the plain shape of one, because it may hold a password.

BEGIN {
  comment_mark = ""
  is_about_cachix = goes_whole = 1
  imported = "([.][.]?|~)?/[A-Za-z0-9._~\"-]|https?://|env:|missing([^A-Za-z0-9_/-]|$)"
}

# An awk takes words off a longer line too slowly.
length($0) > 16384 {
  add("bad", "", NR)
  if ($0 ~ "(^|[ \t(=,{])(" imported ")") imports = 1
  next
}
{
  note_comment($0, NR, 0, 0)
  parted = 1
  lex($0)
}

END {
  if (nesting || text_is_open) add("bad", "", opened)
  add("end", "", NR)
  here = 1
  if (type[1] != "end" && (!is_of_sops || is_in_the_clear)) {
    if (!record("config") || type[here] != "end") {
      is_unclear = 1
      hold("unclear", field_line ? field_line : at_line[here], "")
    }
    tell_held(imports ? "import" : is_unclear ? "unclear" : "")
    if (held) tell_hostname()
  }
}

# Wherever it stands, so that it is told of an unclear file too.
function tell_hostname(   i, host) {
  for (i = 1; i < words && !(word_text[i] == "hostname" && type[i + 1] == "="); i++);
  host = word_text[i + 2]
  if (type[i + 2] != "text" || host ~ /^https:\/\/cachix\.org\/?$/) return
  if (host !~ /^https?:\/\/[A-Za-z0-9.-]+(:[0-9]+)?\/?$/) host = "-"
  printf "hostname\t%d\t0\t0\t-\t%s\n", at_line[i], host
}

# Words --------------------------------------------------------------------------------------------

function add(new_type, new_text, line) {
  words++
  type[words] = new_type
  word_text[words] = new_text
  at_line[words] = line
}

function lex(text) {
  if (text_is_open) text = text_end(text)
  while (text != "") {
    if (nesting) text = comment_end(text)
    else if (match(text, /^[ \t\r]+/)) {
      text = substr(text, RLENGTH + 1)
      parted = 1
    }
    else if (text ~ /^--/) text = ""
    else if (text ~ /^[{]-/) {
      nesting = 1
      opened = NR
      text = substr(text, 3)
    } else if (text ~ /^\047\047\r?$/) {
      text_is_open = 1
      opened = NR
      text = ""
    } else text = word(text)
  }
}

# Comments nest.
function comment_end(text,   opens, closes) {
  opens = index(text, "{-")
  closes = index(text, "-}")
  if (opens && (!closes || opens < closes)) {
    nesting++
    return substr(text, opens + 2)
  }
  if (!closes) return ""
  nesting--
  return substr(text, closes + 2)
}

# A multi-line text is told apart from the empty one only: its last line's blanks are indentation.
# Behind the quotes, a third quote or a dollar sign would make them a part of the text.
function text_end(text) {
  text_is_open = 0
  if (match(text, /^[ \t]*\047\047/) && substr(text, RLENGTH + 1, 1) !~ /[\047$]/) {
    add("text", "", opened)
    return substr(text, RLENGTH + 1)
  }
  add("bad", "", opened)
  return ""
}

# `parted` from what stands before it, it may be an import.
function word(text,   found) {
  if (parted && text ~ "^(" imported ")") imports = 1
  parted = text ~ /^[][{}()=,:?#]/
  if (match(text, /^"([^"\\]|\\.)*"/)) {
    found = substr(text, 2, RLENGTH - 2)
    if (found ~ "[$][{][^}]*(" imported ")") imports = 1
    add(index(found, "${") ? "bad" : "text", found, NR)
  } else if (match(text, /^[A-Za-z_][A-Za-z0-9_\/-]*/)) add("label", substr(text, 1, RLENGTH), NR)
  else if (match(text, /^`[^`]+`/)) add("label", substr(text, 2, RLENGTH - 2), NR)
  else {
    match(text, /^./)
    found = substr(text, 1, 1)
    add(found ~ /[][{}=:,]/ ? found : "bad", "", NR)
  }
  return substr(text, RLENGTH + 1)
}

# Structure: each function passes over what it is named for, if that is what stands `here` ------

function take(wanted) {
  if (type[here] != wanted) return 0
  here++
  return 1
}

function take_label(wanted) {
  return type[here] == "label" && word_text[here] == wanted ? take("label") : 0
}

# OF: "config", or "cache" for an element of binaryCaches.
function record(of,   seen) {
  if (!take("{")) return 0
  take(",")
  if (take("=")) {
    take(",")
    return take("}")
  }
  do {
    if (type[here] == "}") break
    if (!field(of, seen)) return 0
  } while (take(","))
  return take("}")
}

# A label that comes again makes Dhall join the two.
function field(of, seen,   line, name) {
  line = field_line = at_line[here]
  name = word_text[here]
  if (!take("label") || name in seen || !take("=")) return 0
  seen[name] = 1
  if (!setting(of, name, line)) return 0
  field_line = 0
  return 1
}

function setting(of, name, line) {
  if (of == "config" && name == "binaryCaches") return caches() && ends_field()
  if (!text_value() || !ends_field()) return 0
  if (of == "config" && name == "authToken") {
    if (value != "") hold("auth-token", line, "")
  } else if (of == "cache" && name == "secretKey") {
    key = value
    key_line = line
  } else if (looks_secret(value)) return 0
  else if (of == "cache" && name == "name") cache = value
  else return of == "config" && name == "hostname"
  return 1
}

function ends_field() {
  return type[here] == "," || type[here] == "}"
}

function text_value() {
  value = word_text[here]
  return take("text") && (!take(":") || take_label("Text"))
}

function caches() {
  if (!take("[")) return 0
  take(",")
  do {
    if (type[here] == "]") break
    cache = key = ""
    if (!record("cache")) return 0
    if (key != "") hold("signing-key", key_line, cache)
  } while (take(","))
  return take("]") && (!take(":") || cache_type())
}

function cache_type() {
  if (!take_label("List") || !take("{")) return 0
  take(",")
  do {
    if (type[here] == "}") break
    if (!take_label("name") && !take_label("secretKey")) return 0
    if (!take(":") || !take_label("Text")) return 0
  } while (take(","))
  return take("}")
}
