"""Text from a snapshot on its way to a terminal: a stranger wrote it."""


def safe(text: str) -> str:
    """The text in one line, with every character that is not printable as an escape sequence.

    That are control characters (C0, C1, DEL), line ends, and the invisible format characters (Unicode `Cf`)
    that turn the direction of text.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )
