"""What a snapshot may make us spend: a stranger wrote the file, so all is bounded before memory is spent."""

import io
import json
from collections.abc import Iterable
from itertools import chain

import msgpack

KIB, MIB = 1 << 10, 1 << 20
MAX_HEADER = 256 * KIB
MAX_SECTION = 16 * MIB
"""Raw bytes of one section; longer tables are cut into several."""
MAX_TABLE = 128 * MIB
"""Raw bytes of all sections of one table."""
MAX_TEXT = 32 * MIB
"""The same of a table that is text, as 200,000 rules of iptables are: whoever reads it takes it apart."""
MAX_CONTAINERS = 2_000_000
"""Maps and lists in all sections of one table: 100,000 entries of conntrack have up to 20 each as they are
counted, and take 380 MB when they are read."""
MAX_JSON = 3_000_000
"""Maps, lists and commas in a text that is JSON, as nft prints for 20,000 services."""
PIECE = 2 * MIB
"""Raw bytes that the writer puts into one section of a table that it cuts."""
MAX_DICTIONARY = 256 * KIB
"""Raw bytes of a section that others are compressed against."""
MAX_OBJECTS = 2_200_000
"""Values (maps, lists, strings, large numbers) in one section: a piece cannot hold more than its bytes."""
MAX_DEPTH = 32
MAX_WINDOW = 8 * MIB
"""Memory that a zstd frame may ask for."""
MAX_SECONDS = 1 << 37
"""Of a time since the epoch: within the calendar that Python has."""

# Bytes that may begin a value for which Python allocates an object (msgpack spec, "Formats").
_HEADS = bytes([*range(0x80, 0xC0), *range(0xC4, 0xE0)])
_CONTAINERS = bytes([*range(0x80, 0xA0), *range(0xDC, 0xE0)])
_SCALARS = frozenset({str, bytes, int, float, bool, type(None)})


class Refused(ValueError):
    """The bytes are damaged, or ask for more than a snapshot may."""


def inflate(data: bytes, length: int, dictionary: bytes = b"") -> bytes:
    """Exactly `length` bytes out of a zstd frame. `dictionary`: what it was compressed against, as it is.

    The size that the frame states is not believed: output is counted, the window is bounded.
    Raises: Refused.
    """
    if not 0 <= length <= MAX_SECTION:
        raise Refused(f"states {length} bytes, more than the {MAX_SECTION} allowed")
    import zstandard

    known = None
    if dictionary:
        known = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    unzip = zstandard.ZstdDecompressor(dict_data=known, max_window_size=MAX_WINDOW)
    reader = unzip.stream_reader(io.BytesIO(data))
    output = io.BytesIO()
    try:
        while output.tell() <= length and (chunk := reader.read(min(MIB, length + 1 - output.tell()))):
            output.write(chunk)
    except (zstandard.ZstdError, MemoryError) as error:
        raise Refused(f"does not decompress: {error}") from error
    if output.tell() != length:
        raise Refused(f"decompresses to another length than the {length} bytes stated")
    return output.getvalue()


def unpack(data: bytes) -> object:
    """The one msgpack value that `data` is.

    Raises: Refused, for damage, extension types, too many values, too deep nesting.
    """
    check_size(data)
    try:
        value: object = msgpack.unpackb(
            data, raw=False, strict_map_key=True, ext_hook=refuse_extension, max_ext_len=0
        )
    except (ValueError, msgpack.UnpackException) as error:
        raise Refused(f"is no msgpack: {str(error) or type(error).__name__}") from error
    check_shape(value)
    return value


def check_size(data: bytes) -> None:
    """Raises: Refused where `unpack` would not take packed data of this size."""
    if len(data) > MAX_SECTION:
        raise Refused(f"{len(data)} bytes, more than the {MAX_SECTION} allowed")
    # An upper bound of the values inside, at memory speed; bytes of text and numbers may be counted too.
    if len(data) > MAX_OBJECTS and len(data) - len(data.translate(None, _HEADS)) > MAX_OBJECTS:
        raise Refused("holds too many values")


def seconds(value: object) -> float:
    """A time, or a difference of two. Raises: Refused where it is none that a clock shows."""
    if not isinstance(value, int | float) or not -MAX_SECONDS <= value <= MAX_SECONDS:
        raise Refused("holds no time where one belongs")
    return float(value)


def containers_in(data: bytes) -> int:
    """At least as many maps and lists as packed data has; bytes of text and numbers may be counted too."""
    return len(data) - len(data.translate(None, _CONTAINERS))


def parse_json(text: str) -> object:
    """Raises: Refused."""
    if sum(map(text.count, "[{,")) > MAX_JSON:
        raise Refused("holds too many values")
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"no JSON: {error}") from error
    return value


def refuse_extension(code: int, data: bytes) -> object:
    """Hook of msgpack. Timestamps do not come here: `max_ext_len=0` refuses those."""
    raise Refused(f"extension type {code}")


def check_shape(value: object) -> None:
    """Raises: Refused where the value nests too deep."""
    level = [value]
    for _ in range(MAX_DEPTH):
        children = list(chain.from_iterable(map(_children, level)))
        if _SCALARS.issuperset(map(type, children)):
            return
        level = [child for child in children if type(child) not in _SCALARS]
    raise Refused("is nested too deep")


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
