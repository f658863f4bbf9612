# shellcheck shell=sh
# shellcheck disable=SC2154  # the controller assigns them
# What is sent of a configuration file. Follows common.sh and masking.sh. The controller puts in front:
#   judged    the settings whose values may leave the machine, as NAME=WHAT, space-separated: WHAT is
#             what a word of the value may be that is sent (nixtrust/conf_table.py, Sent)
#   declared  the words of all declared values, space-separated: they came from there, and may return
#   aliases   their other spellings, as OTHER=CANONICAL, space-separated

# An awk function: a path without `.`, `..` and what is more than one slash, by its letters alone, as
# Nix takes it (NixOS/nix absPath, canonPath).
by_letters='
function by_letters(written,   n, parts, depth, i, kept, path) {
  n = split(written, parts, "/")
  depth = 0
  for (i = 1; i <= n; i++) {
    if (parts[i] == "..") { if (depth > 0) depth-- }
    else if (parts[i] != "" && parts[i] != ".") kept[++depth] = parts[i]
  }
  path = ""
  for (i = 1; i <= depth; i++) path = path "/" kept[i]
  return path
}'

# redact MARGIN FOLDER <FILE: one line out for each line in, behind the margin, with what the fold
# needs of it and no more; the folder is the file's. Of a setting that is not judged the name, of a
# comment '#', of a line Nix cannot read '?', of a byte that is no plain text '^', which Nix 2.34
# refuses in an address as well; of a value what cannot be a secret, by its shape.
# NixOS/nix src/libutil/configuration.cc: '#' anywhere begins a comment, blanks are space, tab, CR.
# Every tr repeats its last character; busybox's has no [^*]. Within, \002 is a byte that is no plain
# text, and \001 stands behind the last one: without it the file could not be read to its end, and
# redact fails.
redact() {
  { limit 10 tr -c '\011\012\015\040-\176' '\002' && printf '\001'; } | margin=${1-} folder=${2-} \
    judged=$judged declared=$declared aliases=$aliases begin=$block_begin end=$block_end awk "$by_letters$token_shapes"'
    # A part of a path or a name that may be a token: nothing is to be found by it.
    function mask_parts(text, first,   n, parts, i, path) {
      n = split(text, parts, "/")
      path = ""
      for (i = 1; i <= n; i++)
        path = path (i > 1 ? "/" : "") (i >= first && may_be_token(parts[i]) ? "***" : parts[i])
      return path
    }
    function may_be_token(part) {
      if (part ~ /^[0-9a-z]+-/ && index(part, "-") == 33) return 0
      return is_hex(part) || jwt_start(part) || \
        (length(part) >= 16 && part ~ /[0-9]/ && part ~ /[a-z]/ && part ~ /[A-Z]/)
    }
    function mask_url(url,   at, head, query, parts, n, i) {
      if (url !~ /[:\/]/ && url !~ /^(auto|daemon|local)([?]|$)/) return "***"
      # A password may have any character, ? and / too: what goes is all before the last @.
      for (at = length(url); at > 0 && substr(url, at, 1) != "@"; at--);
      if (at > 0) url = (match(url, /^[a-z0-9+.-]+:\/\//) ? substr(url, 1, RLENGTH) : "") \
        "***" substr(url, at)
      query = index(url, "?")
      head = mask_parts(query ? substr(url, 1, query - 1) : url, url ~ /^[a-z0-9+.-]+:\/\// ? 4 : 1)
      if (!query) return head
      n = split(substr(url, query + 1), parts, "&")
      for (i = 1; i <= n; i++) head = head (i == 1 ? "?" : "&") mask_parameter(parts[i])
      return head
    }
    function mask_parameter(part,   equals, name) {
      equals = index(part, "=")
      name = substr(part, 1, equals - 1)
      if (!equals || name !~ /^[a-z-]+$/ || length(name) > 40) return "***"
      if (name in harmless && substr(part, equals + 1) ~ /^[A-Za-z0-9.,_-]*$/) return part
      return name "=***"
    }
    function mask_key(key,   colon, name, body) {
      colon = index(key, ":")
      name = substr(key, 1, colon - 1)
      body = substr(key, colon + 1)
      # A public key has 44 characters behind the colon, the last of them =; a secret key, 88.
      if (name != "" && body ~ /^[A-Za-z0-9+\/]+=?$/ && (length(body) == 43 || length(body) == 44))
        return key
      return (name ~ /^[A-Za-z0-9][A-Za-z0-9.-]*-[0-9]+$/ ? name ":" : "") "***"
    }
    function mask(setting, token) {
      if (token in expected) return token
      if (sent[setting] == "store") return mask_url(token)
      if (sent[setting] == "key") return mask_key(token)
      if (sent[setting] == "account")
        return token == "*" || (token ~ /^@?[A-Za-z_][A-Za-z0-9_.-]*[$]?$/ && length(token) <= 33) \
          ? mask_parts(token, 1) : "***"
      if (sent[setting] == "path")
        return token ~ /^[\/~]/ && is_path(token) ? mask_parts(token, 1) : "***"
      if (sent[setting] == "feature")
        return token ~ /^[a-z-]+$/ && length(token) <= 40 ? token : "***"
      if (token ~ /^(true|false|yes|no|ask|auto|relaxed)$/) return token
      return token ~ /^[+]?[0-9]+[KMGTkmgt]?$/ && length(token) <= 20 ? token : "***"
    }
    function is_path(word) {
      return word ~ /^[A-Za-z0-9.,_*^\/~@+-]+$/ && word ~ /[.\/]/
    }
    # Of a word that does not look like a path the name is told if there is such a file. *** is for
    # one that is not there, ??? for what cannot be told: behind a closed folder, a name too long to
    # be looked for, in the home that Lix takes ~ for, or with a byte that is no plain text.
    function mask_include(word,   path) {
      if (is_path(word)) return word
      if (word == "***" || word == "???" || word ~ /^~/ || index(word, "\002") || length(word) > 255)
        return "???"
      path = quoted(by_letters(word ~ /^\// ? word : ENVIRON["folder"] "/" word))
      if (!system("[ -e " path " ] || [ -h " path " ]")) return word
      return system("above=" path "; while [ -n \"$above\" ] && [ ! -d \"$above\" ]; do" \
        " above=${above%/*}; done; [ -z \"$above\" ] || [ -x \"$above\" ]") ? "???" : "***"
    }
    function quoted(word,   n, parts, i, all) {
      n = split(word, parts, "\047")
      all = parts[1]
      for (i = 2; i <= n; i++) all = all "\047\\\047\047" parts[i]
      return "\047" all "\047"
    }
    BEGIN {
      # By the environment: in what stands behind -v awk would take \\n for the end of a line.
      margin = ENVIRON["margin"]; begin = ENVIRON["begin"]; end = ENVIRON["end"]
      n = split(ENVIRON["judged"], names, " ")
      for (i = 1; i <= n; i++) {
        split(names[i], pair, "=")
        canonical[pair[1]] = pair[1]
        sent[pair[1]] = pair[2]
      }
      expect(ENVIRON["declared"])
      n = split(ENVIRON["aliases"], names, " ")
      for (i = 1; i <= n; i++) {
        split(names[i], pair, "=")
        if (pair[2] in canonical) canonical[pair[1]] = pair[2]
      }
      n = split("priority want-mass-query trusted require-sigs compression compression-level" \
        " parallel-compression index-debug-info write-nar-listing region scheme" \
        " max-connections path-info-cache-size system-features", names, " ")
      for (i = 1; i <= n; i++) harmless[names[i]] = 1
    }
    {
      line = $0
      if (sub(/\001$/, "", line)) { whole = 1; if (line == "") next }
      bare = line
      gsub(/^[ \t\r]+|[ \t\r]+$/, "", bare)
      if (bare == begin || bare == end) { print margin bare; next }
      hash = index(line, "#")
      if (hash) line = substr(line, 1, hash - 1)
      gsub(/[\t\r]/, " ", line)
      n = split(line, token, " ")
      if (n == 0) { print margin (hash ? "#" : ""); next }
      if (token[1] == "include" || token[1] == "!include") {
        print margin (n == 2 ? token[1] " " mask_include(token[2]) : "?")
        next
      }
      if (n < 2 || token[2] != "=") { print margin "?"; next }
      name = token[1]
      short = name
      sub(/^extra-/, "", short)
      setting = name in canonical ? canonical[name] : (short in canonical ? canonical[short] : "")
      if (setting == "" && (name !~ /^[a-z0-9-]+$/ || length(name) > 64)) name = "???"
      line = name " ="
      if (setting != "") for (i = 3; i <= n; i++) line = line " " mask(setting, token[i])
      gsub(/\002/, "^", line)
      print margin line
    }
    END { exit !whole }'
}
