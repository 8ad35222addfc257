"""Reading untrusted values: each accessor checks the type and names the place of what is wrong."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from socket import AF_INET, inet_pton

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.model.packet import Address, Network
from kubectl_skoop.snapshot.packed_rows import PackedRows

MAX_ROWS = 200_000
"""Of one table: as many routes take about 400 MB when they are read."""


@lru_cache(maxsize=1 << 16)
def parse_address(text: str) -> Address:
    """Raises: ValueError."""
    try:
        return IPv4Address(inet_pton(AF_INET, text))  # a sixth of the time that ip_address takes for text
    except (OSError, ValueError):
        address = ip_address(text)
    if address.version == 6 and address.scope_id is not None:
        raise ValueError(f"{text!r} has a scope")
    return address


@lru_cache(maxsize=1 << 14)
def parse_network(text: str, length: int) -> Network:
    """Nodes of one cluster have the same. Raises: ValueError."""
    address = parse_address(text)
    kind = IPv4Network if address.version == 4 else IPv6Network
    return kind((int(address), length), strict=False)


class Entry:
    """A map, and where it is (`$.links[3]`). Raises: FormatError in every method.

    A plain class whose path is put together only for an error: there are tens of thousands.
    """

    __slots__ = ("_at", "_inside", "fields")

    def __init__(self, fields: Mapping[str, object], at: str | int, inside: "Entry | str" = "") -> None:
        self.fields = fields
        self._at = at
        self._inside = inside

    @property
    def path(self) -> str:
        inside = self._inside.path if isinstance(self._inside, Entry) else self._inside
        if isinstance(self._at, int):
            return f"{inside}[{self._at}]"
        return f"{inside}.{self._at}" if inside else self._at

    def wrong(self, name: str, what: str) -> FormatError:
        return FormatError(f"{self.path}.{name}: {what}")

    def number(self, name: str, default: int | None = None) -> int:
        value = self.fields.get(name, default)
        if type(value) is not int:
            raise self.wrong(name, f"a number is wanted, not {describe(value)}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.fields.get(name, default)
        if not isinstance(value, int):
            raise self.wrong(name, f"a number or true is wanted, not {describe(value)}")
        return bool(value)

    def text(self, name: str, default: str | None = None) -> str:
        value = self.fields.get(name, default)
        if not isinstance(value, str):
            raise self.wrong(name, f"text is wanted, not {describe(value)}")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts; empty where it is left out."""
        values = self.fields.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self.wrong(name, f"a list of texts is wanted, not {describe(values)}")
        return values

    def octets(self, name: str) -> bytes:
        value = self.fields.get(name, b"")
        if not isinstance(value, bytes):
            raise self.wrong(name, f"bytes are wanted, not {describe(value)}")
        return value

    def address(self, name: str) -> Address:
        try:
            return parse_address(self.text(name))
        except ValueError as error:
            raise self.wrong(name, str(error)) from error

    def optional_address(self, name: str) -> Address | None:
        return self.address(name) if name in self.fields else None

    def network(self, name: str, length_name: str, family: int) -> Network:
        """The prefix; all of the family where the kernel leaves it out."""
        length = self.number(length_name)
        if name in self.fields:
            self.address(name)
        try:
            return parse_network(self.text(name, "0.0.0.0" if family == 4 else "::"), length)
        except ValueError as error:
            raise self.wrong(length_name, f"no prefix length: {length}") from error

    def family(self) -> int:
        """4 or 6, of AF_INET and AF_INET6."""
        family = self.number("family")
        if family == 2:
            return 4
        if family == 10:
            return 6
        raise self.wrong("family", f"{family} is neither IPv4 (2) nor IPv6 (10)")

    def entry(self, name: str) -> "Entry":
        """A map inside; empty where it is left out."""
        value = self.fields.get(name, {})
        if not isinstance(value, dict):
            raise self.wrong(name, f"a map is wanted, not {describe(value)}")
        return Entry(value, name, self)

    def entries(self, name: str) -> Iterator["Entry"]:
        """A list of maps inside; empty where it is left out."""
        return entries(self.fields.get(name, []), f"{self.path}.{name}")


def entries(data: object, path: str) -> Iterator[Entry]:
    """A list of maps. Raises: FormatError."""
    for position, item in enumerate(listed(data, path)):
        yield Entry(a_map(item, position, path), position, path)


def listed(data: object, path: str) -> Iterable[object]:
    """The rows of a table. Raises: FormatError."""
    if not isinstance(data, list | PackedRows):
        raise FormatError(f"{path}: a list is wanted, not {describe(data)}")
    if len(data) > MAX_ROWS:
        raise FormatError(f"{path}: {len(data)} rows, more than the {MAX_ROWS} that are read")
    return data


def a_map(row: object, position: int, path: str) -> Mapping[str, object]:
    """Raises: FormatError."""
    if not isinstance(row, dict):
        raise FormatError(f"{path}[{position}]: a map is wanted, not {describe(row)}")
    return row


def table_map(data: object, path: str) -> Mapping[str, object]:
    """A map with text keys. Raises: FormatError."""
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise FormatError(f"{path}: a map with text keys is wanted, not {describe(data)}")
    return data


def text(data: object, path: str) -> str:
    """Raises: FormatError."""
    if not isinstance(data, str):
        raise FormatError(f"{path}: text is wanted, not {describe(data)}")
    return data


def describe(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool() | int() | float():
            return f"{value!r:.40}"
        case str():
            return f"{value[:40]!r}"
        case _:
            return f"a {type(value).__name__}"
