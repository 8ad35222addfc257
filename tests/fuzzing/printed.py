"""What reaches a terminal."""


class Unprintable(AssertionError):
    """A control character, or one that turns the direction of text, was printed."""


def check_printed(text: str) -> None:
    """Raises: Unprintable."""
    for line in text.split("\n"):
        if not line.isprintable():
            raise Unprintable(ascii(line)[:400])
