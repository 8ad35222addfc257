"""A file that somebody names, read no further than it may be: devices and pipes tell no size."""

from pathlib import Path

from kubectl_skoop.model.errors import FormatError

_STEP = 1 << 20


def read_bounded(file: Path, most: int, *, text: bool) -> bytes:
    """`text`: it is read no further than to a NUL, which no UTF-8 text of ours holds.

    Raises: FormatError.
    """
    content = bytearray()
    try:
        with file.open("rb") as opened:
            while step := opened.read(_STEP):
                if text and (at := step.find(0)) >= 0:
                    raise FormatError(f"{file}: is no UTF-8 text (byte {len(content) + at})")
                content += step
                if len(content) > most:
                    raise FormatError(f"{file}: is larger than {most} bytes")
    except OSError as error:
        raise FormatError(f"{file}: {(error.strerror or 'cannot be read').lower()}") from error
    return bytes(content)
