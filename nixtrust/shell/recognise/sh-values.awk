# The third part of sh.awk: what a variable is set to.

# judge(I, FRAME, WHY): whether the line's Ith naming sets the variable to a literal, in which frame
# it stands; WHY is the hindrance then.
function judge(i, kind, why,   at, before, after, inside, verdict) {
  at = name_at[i]
  before = substr(text, at > 80 ? at - 80 : 1, at > 80 ? 80 : at - 1)
  at += length(name_of[i])
  after = substr(text, at, 80)
  inside = kind == "<<" || kind == "raw" || (kind in is_quote) ? kind : ""
  value_open = value_cut_expansion = 0
  verdict = "none"
  if (before ~ /\$[{](\([^()]*\))?[#!^=~+]*$/) {
    if (match(after, /^(\[[^]]*\])?:*[-=]/)) verdict = weigh(at + RLENGTH, "", "}", 0)
  } else if (before ~ /\$$/) verdict = "none"
  else if (match(after, /^(\[[^]]*\])?["\047]?\]?["\047]?\+?=/)) {
    if (substr(after, 1, RLENGTH) ~ /["\047]/ && (inside in is_quote)) inside = ""
    verdict = weigh(at + RLENGTH, inside, kind == "`" ? "`" : "", owns_quote(kind, before))
  } else if (before ~ /(^|[^A-Za-z0-9_])setenv[ \t]+["\047]?$/ && match(after, /^["\047]?[ \t]+/)) {
    if (after ~ /^["\047]/) inside = ""
    verdict = weigh(at + RLENGTH, inside, "", 0)
  } else if (before ~ /(^|[^A-Za-z0-9_])read([ \t]+-[A-Za-z]+)*[ \t]+["\047]?$/ \
      && match(after, /^["\047]?[ \t]*<<<?-?[ \t]*/)) {
    if (after ~ /<<</) verdict = weigh(at + RLENGTH, "", "", 0)
    else {
      verdict = "literal"
      value_open = 1
    }
  } else if (before ~ /printf[ \t]+-v[ \t]+["\047]?$/ && match(after, /^["\047]?[ \t]+/))
    verdict = has_literal(at + RLENGTH) ? "literal" : "none"
  # Meant to go on on the next line, wherever this one stands and whether it does or not.
  if (after ~ /^(\[[^]]*\])?["\047]?\]?["\047]?\+?=["\047]?\\\r?$/) {
    verdict = "literal"
    value_open = 1
  }
  # The lines on which an expansion goes on are looked at as well.
  if (value_cut_expansion && verdict == "reference") {
    watched = depth
    watched_kind = kind_of[name_of[i]]
  }
  if (verdict != "literal" && looks_secret(substr(text, at))) verdict = "literal"
  if (verdict == "literal")
    remember(kind_of[name_of[i]], value_open && why == "compound" ? "several-lines" : why)
  # Where quotes are not what they seem, a value begins here, as one may in a comment.
  else if (after ~ /^\+?=["\047]\r?$/) remember(kind_of[name_of[i]], "comment")
}

# Whether the quote is the assignment's own, as in export "NAME= value": blanks belong to the value
# then. They do not in alias x="NAME= command".
function owns_quote(kind, before) {
  return (kind in is_quote) && before !~ /=["\047]$/ && before ~ /["\047]$/
}

function remember(kind, why) {
  found_kind[++found] = kind
  found_line[found] = NR
  found_from[found] = line_start
  found_to[found] = next_start
  found_why[found] = why
}

# weigh(AT, INSIDE, STOP, OWN): what the value from AT on is: "literal", "reference", "empty". In
# quotes and here-documents a text for a later shell is meant, whose quotes go too.
function weigh(at, inside, stop, own,   value, closed) {
  expansions = ""
  hidden = 0
  if (inside == "" && substr(text, at, 1) == "(") return weigh_array(at)
  scan(text, at, inside, stop)
  if (inside != "") {
    closed = value_end
    value = value_text
    if (value ~ /^["\047]?%[bqs]["\047]?(\\n)?$/)
      return has_literal(closed) ? "literal" : "reference"
    if (own) sub(/^[ \t]+/, "", value)
    scan(value, 1, "", "")
  }
  value = value_rest
  if (value_open && !value_cut_expansion) return "literal"
  if (value_open && expansions ~ /<</) return "literal"
  if (hidden || looks_secret(expansions)) return "literal"
  # No secret is without a letter or a digit; a circumflex may be either.
  if (value !~ /[A-Za-z0-9^]/) return value_expanded ? "reference" : "empty"
  if (inside != "" && is_edit(value)) return "reference"
  if (!value_expanded) return judged(value)
  if (value_path && value ~ /^\/[A-Za-z0-9_.\/-]*$/ && !looks_secret(value)) return "reference"
  return "literal"
}

# The address or the end of an editor's command, as in sed "s/^NAME=//p".
function is_edit(value) {
  gsub(/\\[0-9]/, "", value)
  return value ~ /^[^A-Za-z0-9^]*\/[^A-Za-z0-9^]*[dgp]?[^A-Za-z0-9^]*$/
}

function weigh_array(at,   rest) {
  rest = substr(text, at + 1)
  if (rest ~ /^[ \t]*\)/) return "empty"
  value_open = rest !~ /\)/
  if (rest !~ /^[ \t]*"?\$[{(]?[A-Za-z_0-9]+[})]?"?[ \t]*\)/ || looks_secret(rest)) return "literal"
  return "reference"
}

# Whether one of the words that follow is a literal, formats apart.
function has_literal(at,   guard) {
  for (guard = 0; guard < 50; guard++) {
    while (substr(text, at, 1) ~ /^[ \t]$/) at++
    scan(text, at, "", "")
    if (value_end == at) return 0
    gsub(/%[bqs]|\\n/, "", value_rest)
    if (value_open || (value_rest ~ /[A-Za-z0-9^]/ && judged(value_rest) == "literal")) return 1
    at = value_end
  }
  return 1
}

# scan(TEXT, AT, INSIDE, STOP): takes the quotes off the word that begins at a position, or goes on
# there inside of an opened quote. STOP ends it besides what ends any word.
#   value_text      the word without quotes, a \001 for each expansion
#   value_rest      the same without them
#   value_expanded  whether there are any; their text goes to `expansions`
#   value_end       the position behind it
#   value_open      whether it goes on on the next line, value_cut_expansion: in an expansion
function scan(source, at, inside, stop,   n, c, past, d) {
  value_text = value_rest = ""
  value_expanded = value_open = value_cut_expansion = value_path = 0
  # A longer value is one that goes on.
  source = substr(source, 1, at + 4000)
  n = length(source)
  for (; at <= n; at++) {
    c = substr(source, at, 1)
    d = substr(source, at + 1, 1)
    if (inside == single || inside == ansi || inside == "raw") {
      if (inside != "raw" && c == single) inside = ""
      else if (inside == ansi && c == "\\") {
        literal(d)
        at++
      } else if (c == "\001") expansion("")
      else literal(c)
    } else if (c == "\001") expansion("")
    else if (c == "\\") {
      if (at == n) {
        value_open = 1
        break
      }
      if ((inside == "\"" || inside == "<<") && d !~ /[$`"\\]/) literal("\\")
      literal(d)
      at++
    } else if (inside == "" && stop != "" && c == stop) break
    else if ((c == "$" && d ~ /[A-Za-z0-9_({#$?!*@-]/) || c == "`") {
      past = skip_expansion(source, at, n)
      expansion(substr(source, at, past - at))
      at = past - 1
      if (value_cut_expansion) break
    } else if (inside == "\"" && c == "\"") inside = ""
    else if (inside == "\"" || inside == "<<") literal(c)
    else if (stop != "}" && c ~ /[ \t\r;&|<>()]/) break
    else if (c == single) inside = single
    else if (c == "\"") inside = "\""
    else if (c == "$" && d == single) {
      inside = ansi
      at++
    } else if (c == "$" && d == "\"") continue
    else literal(c)
  }
  value_end = at
  if ((inside in is_quote) || (inside == "" && stop == "}" && at > n)) value_open = 1
}

function literal(c) {
  value_text = value_text c
  value_rest = value_rest c
}

function expansion(x) {
  value_expanded = 1
  # A path below what was expanded.
  if (value_rest == "") value_path = 1
  value_text = value_text "\001"
  expansions = expansions x "\n"
  if (hides_literal(x)) hidden = 1
}

# The position behind an expansion; sets value_open and value_cut_expansion if the line ends first.
function skip_expansion(source, at, n,   c, first, last, level) {
  first = substr(source, at + 1, 1)
  if (substr(source, at, 1) == "`") {
    for (at++; at <= n; at++) {
      c = substr(source, at, 1)
      if (c == "`") return at + 1
      if (c == "\\") at++
    }
  } else if (first == "(" || first == "{") {
    last = first == "(" ? ")" : "}"
    level = 1
    for (at += 2; at <= n; at++) {
      c = substr(source, at, 1)
      if (c == "\\") at++
      else if (c == single || c == "\"") at = skip_quote(source, at, n, c)
      else if (c == first) level++
      else if (c == last && --level == 0) return at + 1
    }
  } else if (first !~ /[A-Za-z_]/) return at + 2
  else {
    for (at++; at <= n && substr(source, at, 1) ~ /[A-Za-z0-9_]/; ) at++
    return at
  }
  value_open = value_cut_expansion = 1
  return n + 1
}

function skip_quote(source, at, n, mark,   c) {
  for (at++; at <= n; at++) {
    c = substr(source, at, 1)
    if (c == mark) return at
    if (c == "\\" && mark == "\"") at++
  }
  return at
}

# Whether an expansion only repeats a literal: a default, or what echo prints.
function hides_literal(x,   value, name) {
  if (match(x, /^\$[{][A-Za-z_][A-Za-z0-9_]*:?[-=]/)) {
    name = value = substr(x, 3)
    sub(/[^A-Za-z0-9_].*/, "", name)
    value = substr(x, RLENGTH + 1, length(x) - RLENGTH - 1)
    gsub(/["\047]/, "", value)
    # One of the variables' own default is found where it stands.
    if (!(name in kind_of) && value !~ /^[$`]/ && value ~ /[A-Za-z0-9^]/)
      return judged(value) == "literal"
  }
  return prints_literal(x)
}
