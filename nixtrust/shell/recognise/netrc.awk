# netrc files as curl reads them, through which Nix does: https://github.com/curl/curl lib/netrc.c.
# Words apart from line ends: `machine NAME`, then pairs of `login`, `password` (and other programs'
# `account`) and a value, up to the next `machine` or `default`. An entry goes as a whole.
#
# What curl reads depends on the host it looks for and on its version. Where these differ, this and
# all that follows is doubtful: told, but not to be cut.
#   * A value that is itself a keyword is one for each host but its own.
#   * `macdef NAME` begins a macro, up to an empty line, but not in the entry that is looked for.
#     Since 8.11 (November 2024) a line of blanks, or a carriage return, ends it too.
#   * Since 7.84 a value may be in quotes, since 8.11 over several lines.
#   * A number sign begins a comment only as a line's first word; to Python's netrc as any.

BEGIN {
  domain = tolower(hosts)
  split("machine default macdef login password account", each, " ")
  for (i in each) is_keyword[each[i]] = 1
}

/^[ \t]*#/ { next }
# Longer than a line may be to curl.
length($0) > 16384 {
  doubtful = 1
  tell("unclear", NR, 0, 0, "unclear", "")
  next
}
/\r./ { doubtful = 1 }
macro_line && /^[ \t\r]*$/ {
  if (/[ \t]/) doubtful = 1
  end_macro()
  next
}
macro_line {
  if (/\r$/) doubtful = 1
  read_macro(tolower($0))
  next
}
{ read_words($0) }

END {
  if (macro_line) end_macro()
  if (expected == "name") tell("unclear", entry_line, 0, 0, "unclear", "")
  close_entry(0)
}

# Words --------------------------------------------------------------------------------------------

function read_words(text,   offset, size, value) {
  offset = 0
  is_first = 1
  is_remark = 0
  while (!macro_line && match(text, /[^ \t\r]/)) {
    offset += RSTART - 1
    text = substr(text, RSTART)
    if (text ~ /^"/) {
      if (match(text, /^"([^"\\]|\\.)*"/)) {
        # curl leaves out the character behind the quotes, whatever it is.
        if (substr(text, RLENGTH + 1) ~ /^[^ \t\r]/) doubtful = 1
        value = substr(text, 2, RLENGTH - 2)
      } else {
        match(text, /.*/)
        doubtful = 1
        value = substr(text, 2)
      }
      size = RLENGTH
      gsub(/\\/, "", value)
    } else {
      match(text, /^[^ \t\r]+/)
      size = RLENGTH
      value = substr(text, 1, size)
      if (value ~ /^#/ && expected == "") is_remark = 1
    }
    read_word(value, line_start + offset)
    text = substr(text, size + 1)
    offset += size
    match(text, /^[ \t]*/)
    last_line = NR
    last_line_end = next_start
    last_end = line_start + offset + RLENGTH
    is_first = 0
  }
}

function read_word(text, from,   word, as) {
  word = tolower(text)
  as = expected
  expected = ""
  if (word in is_keyword && (as != "" || is_remark)) doubtful = 1
  if (as == "name") read_name(word)
  else if (as != "") read_value(as, text)
  else if (word == "machine" || word == "default") {
    close_entry(from)
    open_entry(from)
    if (word == "machine") expected = "name"
  } else if (word == "macdef") begin_macro()
  else if (word in is_keyword) expected = word
  else if (!is_remark) read_stray(text)
}

# Entries ------------------------------------------------------------------------------------------

function open_entry(from) {
  entry_line = NR
  entry_from = from
  # Where the line begins if nothing else stands before the entry.
  entry_line_from = is_first ? line_start : -1
  is_open = 1
  is_ours = has_secret = has_stray = is_odd = 0
  cache = ""
}

# What names the domain in another way, such as an address, curl never looks for. Its password may
# be a real one.
function read_name(word) {
  if (word in is_keyword) tell("unclear", entry_line, 0, 0, "unclear", "")
  is_ours = mentions(word)
  if (word ~ /^[a-z0-9*.-]*$/ && substr("." word, length(word) - length(domain) + 1) == "." domain)
    cache = substr(word, 1, length(word) - length(domain) - 1)
  else is_odd = 1
}

function read_value(as, text) {
  if (as != "login" && text != "") has_secret = 1
  if (looks_secret(text) || tolower(text) in is_keyword) has_secret = 1
}

# Neither keyword nor value: curl passes over it, but who wrote it may have meant a password.
function read_stray(text) {
  if (is_ours) has_stray = 1
  else if (mentions(tolower(text)) || (!is_open && looks_secret(text)))
    tell("unclear", NR, 0, 0, "unclear", "")
}

# NEXT_FROM: where the word begins before which the entry ends; 0 at the file's end.
function close_entry(next_from) {
  if (!is_ours || (!has_secret && !has_stray)) return
  if (!has_secret) tell("unclear", entry_line, 0, 0, "unclear", cache)
  else if (doubtful || is_odd) tell("auth-token", entry_line, 0, 0, "unclear", cache)
  else if (next_from && last_line == NR)
    tell("auth-token", entry_line, entry_from, next_from, "", cache)
  else if (entry_line_from < 0) tell("auth-token", entry_line, entry_from, last_end, "", cache)
  else tell("auth-token", entry_line, entry_line_from, last_line_end, "", cache)
}

# Macros -------------------------------------------------------------------------------------------

function begin_macro() {
  macro_line = NR
  macro_is_ours = is_ours
  macro_has_secret = 0
  if (is_ours) is_odd = 1
  if ($0 ~ /\r$/) doubtful = 1
}

function read_macro(text) {
  if (mentions(text)) macro_is_ours = 1
  if (text ~ /(^|[ \t"])(password|account)([ \t\r"]|$)/ || looks_secret($0)) macro_has_secret = 1
}

function end_macro() {
  if (macro_is_ours && macro_has_secret) tell("unclear", macro_line, 0, 0, "unclear", "")
  macro_line = 0
}

# Whether a text, in lower case, names the domain or a machine in it.
function mentions(text,   at, before, after) {
  while ((at = index(text, domain)) > 0) {
    before = at > 1 ? substr(text, at - 1, 1) : ""
    after = substr(text, at + length(domain), 2)
    if (before !~ /[a-z0-9-]/ && after !~ /^([a-z0-9-]|[.][a-z0-9-])/) return 1
    text = substr(text, at + length(domain))
  }
  return 0
}
