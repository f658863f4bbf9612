# Lines taken by character, also long ones.

# The character at a position of `text`. With each new text `window` is to be set to 0: it is cut into
# pieces, because some awks count from a string's beginning.
function char(at) {
  if (!window || at < window || at >= window + 800) {
    window = at
    piece = substr(text, at, 800)
  }
  return substr(piece, at - window + 1, 1)
}
