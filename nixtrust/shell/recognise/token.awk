# Files that are a secret themselves: a token or a key alone, or an environment file that sets one
# of the variables. Such a file goes as a whole, so no range is told, and each kind once; but not one
# that holds something else, which would go with it. Of an environment file that sets other variables
# too the lines go.

BEGIN { is_about_cachix = goes_whole = 1 }

{
  line = trimmed($0)
  found = 0
  read_line(line)
  if (found ? !is_alone(line) : !is_nothing(line)) holds_more = 1
  if (!is_separate($0)) is_entangled = 1
  else if (found && assigned in kind_of && is_alone(line)) {
    from_byte[NR] = line_start
    to_byte[NR] = next_start
  }
}

END {
  for (i = 1; i <= held; i++) {
    line = held_line[i]
    if (!holds_more || is_entangled) tell_once(held_kind[i], line, held_cache[i])
    else if (line in to_byte) tell(held_kind[i], line, from_byte[line], to_byte[line], "", held_cache[i])
    else tell(held_kind[i], line, 0, 0, "not-alone", held_cache[i])
  }
}

function tell_once(kind, line, cache) {
  if (kind in is_told) return
  is_told[kind]
  tell(kind, line, 0, 0, holds_more ? "not-alone" : "", cache)
}

# Whether a line is a comment or sets a variable, `assigned`, and neither takes from the lines around it
# nor gives to them. So for systemd, by which NixOS has it read (systemd src/basic/env-file.c; before 254
# a comment too went on behind a backslash), and for a shell, by which nix-darwin does.
function is_separate(text,   value) {
  assigned = ""
  if (text ~ /\r./ || length(text) > 16384 || text ~ /\\[ \t\r]*$/) return 0
  sub(/[ \t\r]+$/, "", text)
  sub(/^[ \t]+/, "", text)
  if (text == "" || text ~ /^[#;]/) return 1
  if (sub(/^export[ \t]+/, "", text) && text ~ /^[A-Za-z_][A-Za-z0-9_]*$/) return 1
  if (!match(text, /^[A-Za-z_][A-Za-z0-9_]*[ \t]*=/)) return 0
  value = substr(text, RLENGTH + 1)
  assigned = substr(text, 1, RLENGTH - 1)
  sub(/[ \t]+$/, "", assigned)
  return value ~ /^[ \t]*(\047[^\047\\]*\047|"[^"\\$`]*"|[^ \t"\047\\$`;&|<>()]*)([ \t]+#.*)?$/
}

function read_line(text) {
  if (text == "" || text ~ /^#/ || read_variables(text)) return
  if (!has_set) read_bare(text)
  else if (looks_secret(text)) credential(bare, "")
}

# Whether a line with a secret is one word, or sets one of the variables and does no more. The equals
# signs at the end of base64 set nothing.
function is_alone(text,   value) {
  sub(/^(export|set[ \t]+-[A-Za-z]+)[ \t]+/, "", text)
  if (match(text, /^["\047]?[A-Za-z_][A-Za-z0-9_]*["\047]?[ \t]*[=: ][ \t]*/)) {
    value = substr(text, RLENGTH + 1)
    if (value !~ /^=*$/) {
      match(text, /[A-Za-z0-9_]+/)
      if (!(substr(text, RSTART, RLENGTH) in kind_of)) return 0
      text = value
    }
  }
  return text ~ /^("[^"]*"|\047[^\047]*\047|[^ \t"\047;&|]+)([ \t]+#.*)?$/
}

# Whether a line without one is blank, a comment, or names nothing but one of the variables.
function is_nothing(text) {
  if (text == "" || text ~ /^#/) return 1
  sub(/^(export|unset)[ \t]+/, "", text)
  sub(/[ \t]*=[ \t]*(""|\047\047)?[ \t]*(#.*)?$/, "", text)
  return text in kind_of
}

function trimmed(text) {
  gsub(/^[ \t\r]+|[ \t\r]+$/, "", text)
  return text
}

function credential(kind, cache) {
  found = 1
  hold(kind, NR, cache)
}

# How many of the variables a line sets to a literal; `has_set` is whether it sets one at all.
# In more than a shell's way: `NAME: value`, and fish's `set`.
function read_variables(text,   at, rest, literals) {
  at = 1
  has_set = literals = 0
  while ((at = find_variable(text, at)) > 0) {
    rest = substr(text, at + length(named))
    if (substr(text, 1, at - 1) !~ /[$][{]?$/ && sets(substr(text, 1, at - 1), rest)) {
      has_set = 1
      sub(/^["\047]?[ \t]*[=:]?[ \t]*/, "", rest)
      if (holds_literal(rest)) {
        credential(kind_of[named], key_cache(unquoted(rest)))
        literals++
      }
    }
    at += length(named)
  }
  return literals
}

function sets(before, rest) {
  return rest ~ /^["\047]?[ \t]*[=:]/ || (before ~ /^set(env)?[ \t]/ && rest ~ /^[ \t]+[^ \t]/)
}

function holds_literal(text) {
  text = without_remark(text)
  if (looks_secret(text)) return 1
  if (text !~ /^\047/ && is_expansion(unquoted(text))) return 0
  return judged(unquoted(text)) == "literal"
}

function without_remark(text,   value) {
  if (text ~ /^#/) value = ""
  else if (text ~ /^("[^"]*"|\047[^\047]*\047|[^ \t"\047]+)[ \t]+#/) {
    match(text, /[ \t]+#/)
    value = substr(text, 1, RSTART - 1)
  } else return text
  return looks_secret(substr(text, length(value) + 1)) ? text : value
}

function unquoted(text) {
  if (text ~ /^"[^"]*"$/ || text ~ /^\047[^\047]*\047$/) return substr(text, 2, length(text) - 2)
  return text
}

# One expansion and nothing else.
function is_expansion(text) {
  return text ~ /^[$][A-Za-z_][A-Za-z0-9_]*$/ || text ~ /^[$]?[(][^()]*[)]$/ || \
    text ~ /^[$][{][A-Za-z_][A-Za-z0-9_]*(:?[-=?+])?[}]$/ || text ~ /^`[^`]*`$/
}

# A secret that stands alone: any long word, because a token may look like anything.
function read_bare(text,   value) {
  value = unquoted(trimmed(other_value(text)))
  if (is_public_key(value)) return
  if (looks_secret(text) || (length(value) >= 16 && value !~ /[ \t]/ && holds_literal(value)))
    credential(bare, key_cache(value))
}

# What a variable with another name is set to, unless it is a path; else the text. The equals signs
# at the end of base64 set nothing.
function other_value(text,   value) {
  if (!match(text, /^(export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*=/)) return text
  value = substr(text, RLENGTH + 1)
  if (value ~ /^=*$/) return text
  return value ~ /^["\047]?[.~]*\// ? "" : value
}

# NAME:BASE64 as Nix writes keys: 32 bytes are a public key, 64 a secret one.
# https://github.com/NixOS/nix src/libutil/signature/local-keys.cc
function is_public_key(text) {
  return text ~ /^[A-Za-z0-9.-]+-[0-9]+:[A-Za-z0-9+\/]+=$/ && length(text) - index(text, ":") == 44
}

function key_cache(text) {
  if (text !~ /^[A-Za-z0-9.-]+-[0-9]+:[A-Za-z0-9+\/]+=*$/) return ""
  sub(/(\.cachix\.org)?-[0-9]+:.*$/, "", text)
  return text
}
