"""The text of `ipset save`. A member that cannot be kept becomes one that nobody can read: it may match."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from kubectl_skoop.netstack.ipset.icmp import ICMP_NAMES, ICMPV6_NAMES
from kubectl_skoop.netstack.netfilter.iptables.protocol import PROTOCOLS
from kubectl_skoop.snapshot.redact.comment import comment
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.listed import listed
from kubectl_skoop.snapshot.redact.pseudonyms import NotKept, Pseudonyms

VALUED = listed(
    """
    family hashsize maxelem bucketsize initval netmask markmask timeout size packets bytes skbmark skbprio
    skbqueue
    """
)
"""Options with a number, or a word of the tool's."""
FLAGS = frozenset(["counters", "comment", "skbinfo", "forceadd", "nomatch", "wildcard"])
UNREADABLE = "redacted"
_TYPE = re.compile(
    r"(?:hash|bitmap|list):((?:ip|net|port|mac|iface|mark|set)(?:,(?:ip|net|port|mac|iface|mark))*)"
)
_VALUE = re.compile(r"inet6?|(?:0x)?[0-9a-f]{1,20}(?:[:/](?:0x)?[0-9a-f]{1,20})?")
_PORTS = re.compile(r"(?:([a-z0-9-]+):)?(?:[\d/-]+|([a-z-]+))")
_ICMP = frozenset(ICMP_NAMES) | frozenset(ICMPV6_NAMES)
_COMMENT = re.compile(r' comment "((?:[^"\\]|\\.)*)"')


def ipset_text(text: str, pseudonyms: Pseudonyms, left_out: LeftOut, where: str) -> str:
    """Line by line; sets of an unknown type go, with their members."""
    dimensions: dict[str, Sequence[str]] = {}
    written: list[str] = []
    for line in text.split("\n"):
        verb, _, rest = line.partition(" ")
        name, _, tail = rest.partition(" ")
        try:
            if verb == "create":
                kind, _, options = tail.partition(" ")
                found = _TYPE.fullmatch(kind)
                if found is None:
                    raise NotKept("a set of a type that is not known")
                dimensions[name] = found[1].split(",")
                written.append(
                    " ".join(
                        ("create", pseudonyms.name(name), kind, *_options(options, pseudonyms, create=True))
                    )
                )
            elif verb == "add" and name in dimensions:
                written += _members(
                    pseudonyms.name(name), tail, dimensions[name], pseudonyms, left_out, where
                )
            elif line:
                raise NotKept("a line of an unknown form")
            else:
                written.append(line)
        except ValueError as error:
            left_out.add(where, str(error) if isinstance(error, NotKept) else "a set that cannot be read")
    return "\n".join(written)


def _members(
    name: str, tail: str, dimensions: Sequence[str], pseudonyms: Pseudonyms, left_out: LeftOut, where: str
) -> Iterator[str]:
    element, _, rest = tail.partition(" ")
    try:
        options = _options(rest, pseudonyms, create=False)
        elements = list(_elements(element, dimensions, pseudonyms))
    except ValueError:
        left_out.add(where, "a member that cannot be kept")
        elements, options = [UNREADABLE], []
    yield from (" ".join(("add", name, one, *options)) for one in elements)


def _elements(element: str, dimensions: Sequence[str], pseudonyms: Pseudonyms) -> Iterator[str]:
    """Several for a range of addresses."""
    parts = element.split(",")
    if dimensions in (["ip"], ["net"]) and "-" in element:
        yield from (str(network) for network in pseudonyms.networks_of(element))
        return
    if len(parts) > len(dimensions):
        raise NotKept("more parts than dimensions")
    yield ",".join(_part(part, kind, pseudonyms) for part, kind in zip(parts, dimensions, strict=False))


def _part(text: str, kind: str, pseudonyms: Pseudonyms) -> str:
    match kind:
        case "ip" | "net":
            return pseudonyms.masked(text) if "-" not in text else pseudonyms.interval(text)
        case "mac":
            return pseudonyms.mac(text)
        case "iface" | "set":
            direct, colon, device = text.rpartition(":")
            if colon and direct != "physdev":
                raise NotKept("a device of an unknown form")
            return direct + colon + pseudonyms.name(device)
        case "port" if _is_port(text):
            return text
        case "mark" if _VALUE.fullmatch(text):
            return text
        case _:
            raise NotKept("a part of an unknown form")


def _is_port(text: str) -> bool:
    """`PROTOCOL:PORT`, `PORT-PORT`, `icmp:NAME`."""
    found = _PORTS.fullmatch(text)
    return (
        found is not None
        and (not found[1] or found[1].isdigit() or found[1] in PROTOCOLS)
        and (not found[2] or found[2] in _ICMP)
    )


def _options(text: str, pseudonyms: Pseudonyms, *, create: bool) -> list[str]:
    """Raises: ValueError."""
    written: list[str] = []
    if not create and (found := _COMMENT.search(f" {text}")):
        told = comment(found[1], pseudonyms).replace('"', "'")
        written = ["comment", f'"{told}"']
        text = f" {text}".replace(found[0], "", 1)
    words = iter(text.split())
    for word in words:
        value = next(words, "") if word not in FLAGS else ""
        if word in FLAGS:
            written.append(word)
        elif word == "range":
            written += [word, _range(value, pseudonyms)]
        elif word in VALUED and _VALUE.fullmatch(value):
            written += [word, value]
        else:
            raise NotKept("an option that is not known")
    return written


def _range(text: str, pseudonyms: Pseudonyms) -> str:
    """Of a bitmap: of addresses, or of ports."""
    if re.fullmatch(r"\d+-\d+", text):
        return text
    return pseudonyms.interval(text) if "-" in text else str(pseudonyms.addresses.network(ip_network(text)))
