# What a removal had begun to write when it was killed, a file of nixtrust's own: what was to stay, and
# somebody may have taken out by hand since. The whole file goes.

BEGIN { comment_mark = "" }

!told && tolower($0) ~ /cachix/ {
  told = 1
  tell("unclear", NR, 0, 0, "", "")
}
