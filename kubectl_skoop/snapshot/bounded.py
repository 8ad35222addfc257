"""A file that somebody names, read no further than it may be: devices and pipes tell no size."""

from collections.abc import Iterator
from pathlib import Path

from kubectl_skoop.model.errors import FormatError

_STEP = 1 << 20
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
"""How gzip, zip, bzip2, xz and zstd begin."""
_TAR = slice(257, 262)
"""Where "ustar" is."""


def read_bounded(file: Path, most: int) -> bytes:
    """Raises: FormatError."""
    return b"".join(_steps(file, most))


def read_text(file: Path, most: int) -> str:
    """Of UTF-8, read no further than to a NUL, which no text of ours holds. Raises: FormatError."""
    content = bytearray()
    for step in _steps(file, most):
        content += step
        if (at := step.find(0)) >= 0:
            raise _no_text(file, content, len(content) - len(step) + at)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_text(file, content, error.start) from error


def is_packed(beginning: bytes) -> bool:
    """By one of the usual tools."""
    return beginning.startswith(_PACKED) or beginning[_TAR] == b"ustar"


def _steps(file: Path, most: int) -> Iterator[bytes]:
    read = 0
    try:
        with file.open("rb") as opened:
            while step := opened.read(_STEP):
                read += len(step)
                if read > most:
                    raise FormatError(f"{file}: is larger than {most} bytes")
                yield step
    except OSError as error:
        raise FormatError(f"{file}: {(error.strerror or 'cannot be read').lower()}") from error


def _no_text(file: Path, content: bytearray, at: int) -> FormatError:
    hint = "it is packed: unpack it, and name the folder" if is_packed(bytes(content[: _TAR.stop])) else ""
    return FormatError(f"{file}: is no UTF-8 text (byte {at})", hint=hint)
