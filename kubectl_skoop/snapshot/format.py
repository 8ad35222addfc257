"""The file as bytes: header, sections, index, trailer. One msgpack stream that can be read by seeking.

    header    {magic, format, tool, time, cluster, options}
    section   {kind, name, codec, length, sha256, data}     many; `data` is msgpack, raw or compressed
    section   of kind `index`, the last one
    trailer   bin of 24 bytes: magic, offset and size of the index

A section is found by its reference (offset, size, raw length, SHA-256), so equal ones are stored once, and
whatever a reference leads to is checked against its hash. The codec `zstd:OFFSET:SIZE` names another section,
whose data, as it is without compression, is the dictionary.
"""

import hashlib
import re
import struct
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgpack

from kubectl_skoop.snapshot.limits import MAX_SECTION, Refused, inflate, refuse_extension, unpack

FORMAT = 1
MAGIC = "kubectl-skoop snapshot"
SECTION_START = b"\x86\xa4kind"
"""The first bytes of each section: a map of six that begins with `kind`."""
TRAILER_SIZE = 26
LEVEL = 3
"""zstd: 1.5 MB for 60,000 rules at 400 MB/s; 9 gives 1.2 MB at 74 MB/s."""

_TRAILER_MAGIC = b"SKOOPIDX"
_TRAILER = struct.Struct(">BB8sQQ")
_BIN8 = 0xC4
_FRAME_ALLOWANCE = 4096
_WITH_DICTIONARY = re.compile(r"zstd:(\d{1,15}):(\d{1,9})")

SectionKind = Literal["node", "netns", "table", "objects", "lookup", "infra", "index"]


class Header(NamedTuple):
    """The first map of the file."""

    format: int = FORMAT
    tool: str = ""
    """Version of the tool that wrote the file."""
    time: float = 0.0
    """Seconds since the epoch."""
    cluster: Mapping[str, object] = {}
    options: Mapping[str, object] = {}


class SectionRef(NamedTuple):
    """Where a section is and what it must be."""

    offset: int
    size: int
    """Of the section's map in the file, bytes."""
    length: int
    """Of the data, not compressed, bytes."""
    sha256: bytes

    def packed(self) -> list[object]:
        return [self.offset, self.size, self.length, self.sha256]


class Span(NamedTuple):
    """A piece of the file, bytes."""

    offset: int
    size: int


class Dictionary(NamedTuple):
    """A section that others are compressed against."""

    span: Span
    raw: bytes


class Section(NamedTuple):
    """One section as it is in the file."""

    kind: str
    name: str
    length: int
    sha256: bytes
    codec: str
    data: bytes

    @property
    def dictionary(self) -> Span | None:
        """Which section is needed to read this one."""
        found = _WITH_DICTIONARY.fullmatch(self.codec)
        return Span(int(found[1]), int(found[2])) if found else None

    def raw(self, dictionary: bytes = b"") -> bytes:
        """Packed. `dictionary`: the data of the section that `dictionary` names.

        Raises: Refused where the data is not what it was when it was written.
        """
        if self.codec == "zstd" or self.dictionary:
            raw = inflate(self.data, self.length, dictionary)
        elif self.codec == "raw" and len(self.data) == self.length:
            raw = self.data
        else:
            raise Refused(f"has the codec {self.codec!r} or another length than stated")
        if hashlib.sha256(raw).digest() != self.sha256:
            raise Refused("does not fit its SHA-256")
        return raw

    def content(self, dictionary: bytes = b"") -> object:
        """The value that `raw` is. Raises: Refused."""
        return unpack(self.raw(dictionary))


def pack(value: object, *, large_as_text: bool = False) -> bytes:
    """Text that is no valid Unicode is written with backslashes: tools print what they like.

    `large_as_text`: numbers of more than 64 bits, which an API server may print, become text.
    Raises: TypeError, OverflowError.
    """
    packed: bytes = msgpack.packb(
        value, unicode_errors="backslashreplace", default=_or_text if large_as_text else _as_plain
    )
    return packed


def packer() -> msgpack.Packer:
    """For many values that are packed as `pack` does."""
    return msgpack.Packer(unicode_errors="backslashreplace", default=_as_plain)


def _as_plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a snapshot cannot hold a {type(value).__name__}")


def _or_text(value: object) -> object:
    return str(value) if isinstance(value, int) else _as_plain(value)


def pack_header(header: Header) -> bytes:
    return pack(
        {
            "magic": MAGIC,
            "format": header.format,
            "tool": header.tool,
            "time": header.time,
            "cluster": dict(header.cluster),
            "options": dict(header.options),
        }
    )


def pack_section(
    kind: SectionKind, name: str, raw: bytes, sha256: bytes, dictionary: Dictionary | None = None
) -> bytes:
    compressed = _compressed(raw, dictionary)
    codec, data = ("zstd", compressed) if len(compressed) < len(raw) else ("raw", raw)
    if codec == "zstd" and dictionary is not None:
        codec = f"zstd:{dictionary.span.offset}:{dictionary.span.size}"
    return pack(
        {"kind": kind, "name": name, "codec": codec, "length": len(raw), "sha256": sha256, "data": data}
    )


def _compressed(raw: bytes, dictionary: Dictionary | None) -> bytes:
    """As it is where zstandard is missing: an agent that was sent to a node has pure Python only."""
    try:
        import zstandard
    except ModuleNotFoundError:
        return raw
    known = None
    if dictionary is not None:
        known = zstandard.ZstdCompressionDict(dictionary.raw, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    return zstandard.ZstdCompressor(level=LEVEL, dict_data=known, write_content_size=False).compress(raw)


def parse_section(data: bytes) -> Section:
    """Raises: Refused."""
    if len(data) > MAX_SECTION + _FRAME_ALLOWANCE:
        raise Refused("is larger than a section may be")
    try:
        match msgpack.unpackb(data, max_map_len=6, max_array_len=0, max_ext_len=0, ext_hook=refuse_extension):
            case {
                "kind": str(kind),
                "name": str(name),
                "codec": str(codec),
                "length": int(length),
                "sha256": bytes(sha256),
                "data": bytes(content),
            }:
                return Section(kind=kind, name=name, codec=codec, length=length, sha256=sha256, data=content)
            case _:
                raise Refused("is no section")
    except (ValueError, msgpack.UnpackException) as error:
        raise Refused(str(error) or "is no section") from error


def pack_trailer(offset: int, size: int) -> bytes:
    return _TRAILER.pack(_BIN8, TRAILER_SIZE - 2, _TRAILER_MAGIC, offset, size)


def parse_trailer(data: bytes) -> tuple[int, int] | None:
    """Offset and size of the index; None: this is no trailer, the file was cut off."""
    if len(data) != TRAILER_SIZE:
        return None
    head, length, magic, offset, size = _TRAILER.unpack(data)
    return (offset, size) if (head, length, magic) == (_BIN8, TRAILER_SIZE - 2, _TRAILER_MAGIC) else None


def parse_ref(value: object) -> SectionRef:
    """Raises: Refused."""
    match value:
        case [int(offset), int(size), int(length), bytes(sha256)] if min(offset, size, length) >= 0:
            return SectionRef(offset, size, length, sha256)
        case _:
            raise Refused("holds a bad reference")
