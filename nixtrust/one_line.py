"""Text from elsewhere as one line that is safe to show."""


def one_line(text: str) -> str:
    """The text with everything escaped that would move a terminal's cursor or end the line."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
