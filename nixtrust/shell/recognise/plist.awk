# Property lists of launchd, plist(5): <key>NAME</key> <string>value</string>, and the program's
# arguments. An element goes over lines as it likes, so nothing is taken out.

BEGIN {
  text = comment_mark = ""
}

# A binary one: its parts stand anywhere, right behind each other.
NR == 1 && /^bplist/ {
  is_binary = 1
}

is_binary {
  for (name in kind_of)
    if (index($0, name)) { found = kind_of[name]; first = NR }
  if (index($0, "authtoken")) { found = "auth-token"; first = NR }
}

!is_binary {
  text = text $0 "\n"
}

END {
  if (found != "") report(found, first, "unclear")
  if (!is_binary && text ~ /<(key|string|plist)/) tell_elements(text)
  else if (!is_binary) tell_variables(text, 1, "unclear")
}

function tell_elements(text,   line, at, element, content) {
  text = without_comments(text)
  line = 1
  key = argument = ""
  while ((at = index(text, "<")) > 0) {
    line += newlines(substr(text, 1, at - 1))
    text = substr(text, at)
    match(text, /^<[^>]*>?/)
    element = substr(text, 2, RLENGTH - 2)
    sub(/[ \t\r\n]+$/, "", element)
    line += newlines(substr(text, 1, RLENGTH))
    text = substr(text, RLENGTH + 1)
    if (element ~ /^(key|string|data)$/) {
      at = index(text, "</" element)
      content = at ? substr(text, 1, at - 1) : text
      tell_element(element, plain(content), line)
      line += newlines(content)
      text = substr(text, length(content) + 1)
    } else if (element !~ /^\/(key|string|data)$/) {
      key = argument = ""
    }
  }
}

# `key` is the key that stands before, `argument` the string that does.
function tell_element(element, content, line) {
  note_indirect(key "=" content, line)
  if (!(key in kind_of)) note_secret(key "=" content, line)
  if (element == "key") {
    key = content
    gsub(/[ \t\r\n]/, "", key)
    key_line = line
    argument = ""
    return
  }
  if (key in kind_of) {
    if (is_given(content)) report(kind_of[key], key_line, "several-lines")
  } else if (argument in kind_of && is_given(content)) {
    report(kind_of[argument], line, "compound")
  } else if (argument ~ / authtoken$/ && content !~ /^-/ && is_given(content)) {
    report("auth-token", line, "compound")
  } else {
    tell_variables(content, line, "compound")
    tell_logins(content, line, "compound")
  }
  key = ""
  if (argument ~ /cachix[^ ]*$/ && content == "authtoken") argument = "cachix authtoken"
  else if (argument !~ /cachix/ || content !~ /^-/) argument = content
}

# Each comment replaced by its line ends. One that does not end makes the file no property list.
function without_comments(text,   kept, at, size, line) {
  kept = ""
  line = 1
  while ((at = index(text, "<!--")) > 0 && (size = index(substr(text, at + 4), "-->")) > 0) {
    line += newlines(substr(text, 1, at - 1))
    note_comment_lines(substr(text, at + 4, size - 1), line)
    line += newlines(substr(text, at, size + 6))
    kept = kept substr(text, 1, at - 1) line_ends(substr(text, at, size + 6))
    text = substr(text, at + size + 6)
  }
  return kept text
}

function note_comment_lines(text, first,   n, part, i) {
  n = split(text, part, "\n")
  comment_is_about = 0
  for (i = 1; i <= n; i++) {
    gsub(/<[^>]*>/, "|", part[i])
    note_comment(part[i], first + i - 1, 0, 0)
  }
}

function line_ends(text) {
  gsub(/[^\n]+/, "", text)
  return text
}

function plain(text) {
  gsub(/<!\[CDATA\[|\]\]>/, "", text)
  gsub(/&quot;/, "\"", text)
  gsub(/&apos;/, "\047", text)
  gsub(/&lt;/, "<", text)
  gsub(/&gt;/, ">", text)
  gsub(/&#[0-9A-Fa-fx]+;/, "^", text)
  gsub(/&amp;/, "\\&", text)
  return text
}

# A credential that is to stay where it is.
function report(kind, line, hindrance) {
  tell(kind, line, 0, 0, hindrance, "")
}
