"""Rules of kube-proxy's nftables mode (pkg/proxy/nftables/proxier.go, 1.29 to 1.37), read from `nft -j`.

As those of iptables: what kube-proxy does not write says that it could not be read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.diagnosis.services.door import Door, Target
from kubectl_skoop.diagnosis.services.sources import covers
from kubectl_skoop.diagnosis.services.walk import Recall, Way
from kubectl_skoop.netstack.netfilter.nft.document import field as part
from kubectl_skoop.netstack.netfilter.nft.document import single
from kubectl_skoop.netstack.netfilter.nft.rule import NftRule
from kubectl_skoop.netstack.netfilter.nft.ruleset import NftTable

MARK_MASQ = "mark-for-masquerade"
"""The chain that sets the mark; since 1.36 each rule sets it."""

Key = tuple[object, ...]
_PROTOCOLS: Mapping[object, str] = {6: "tcp", 17: "udp", 132: "sctp"}
_WITHOUT_MEANING = frozenset(("counter", "comment", "log", "masquerade"))
_SCALARS = frozenset((str, int, bool))
_NUMBERED = "numgen"


class Unread(Exception):
    """The JSON is not what kube-proxy makes nft print."""


@dataclass(slots=True, kw_only=True)
class NftablesRule:
    """One rule, as far as it matters to a new connection."""

    origin: NftRule
    never: bool = False
    source: str = ""
    marks: bool = False
    mark: int = 0
    """The bits that it sets."""
    recall: Recall | None = None
    remembers: str = ""
    unread: bool = False
    masquerades: bool = False
    asks: list[Callable[[Door], bool]] = field(default_factory=list)
    sends: "Callable[[Door], Sequence[Way]] | tuple[Way, ...]" = ()

    @property
    def text(self) -> str:
        return f"{part(self.origin.json, 'chain')}: {self.origin.text}"

    def ways(self, door: Door) -> Sequence[Way]:
        return self.sends if isinstance(self.sends, tuple) else self.sends(door)

    def fits(self, door: Door) -> bool:
        return all(ask(door) for ask in self.asks)


@dataclass(frozen=True)
class Elements:
    """A named set or map with the elements that kube-proxy writes: plain values, or several joined."""

    declaration: object

    @cached_property
    def members(self) -> frozenset[Key]:
        """Raises: Unread."""
        return frozenset(key_of(one) for one in self._listed())

    @cached_property
    def verdicts(self) -> Mapping[Key, Way]:
        """Of a verdict map. Raises: Unread."""
        return {key_of(key): verdict(leads) for key, leads in map(_pair, self._listed())}

    def _listed(self) -> Sequence[object]:
        listed = part(self.declaration, "elem") or []
        if not isinstance(listed, list):
            raise Unread
        return listed

    @property
    def seconds(self) -> int:
        timeout = part(self.declaration, "timeout")
        return timeout if isinstance(timeout, int) else 0


def key_of(json: object) -> Key:
    """Raises: Unread."""
    kind, body = single(json)
    if kind == "elem":
        return key_of(part(body, "val"))
    parts = body if kind == "concat" else [json]
    if not isinstance(parts, list) or not _SCALARS.issuperset(map(type, parts)):
        raise Unread
    return tuple(parts)


class Reader:
    """Reads the rules of one table. `masqueraded`: bits of the mark that are masqueraded."""

    def __init__(self, table: NftTable, masqueraded: int) -> None:
        self._table = table
        self._masqueraded = masqueraded
        self._elements: dict[str, Elements] = {}

    def elements(self, name: str) -> Elements:
        """Of a set or map; empty if there is none."""
        found = self._elements.get(name)
        if found is None:
            named = self._table.sets.get(name)
            found = self._elements[name] = Elements(named.declaration if named else {})
        return found

    def read(self, origin: NftRule) -> NftablesRule:
        rule = NftablesRule(origin=origin)
        listed = part(origin.json, "expr")
        statements = listed if isinstance(listed, list) else []
        rule.masquerades = any(single(statement)[0] == "masquerade" for statement in statements)
        try:
            for statement in statements:
                self._statement(rule, statement)
            if rule.recall is not None:
                rule.recall = rule.recall._replace(chain=_leads_to(rule))
        except (Unread, KeyError, TypeError, ValueError, IndexError, RecursionError):
            rule.unread = True
        return rule

    def _statement(self, rule: NftablesRule, json: object) -> None:
        kind, body = single(json)
        match kind:
            case "match":
                self._match(rule, body)
            case "mangle":
                rule.mark = _mark(body)
                rule.marks = bool(rule.mark & self._masqueraded)
            case "vmap":
                rule.sends = self._verdicts(body)
            case "dnat":
                rule.sends = tuple(_translation(body))
            case "set":
                rule.remembers = str(part(body, "set")).removeprefix("@")
            case _ if kind in _WITHOUT_MEANING:
                pass
            case _:
                way = verdict(json)
                rule.marks |= way.chain == MARK_MASQ and way.kind == "jump"
                rule.sends = (way,)

    def _match(self, rule: NftablesRule, body: object) -> None:
        left, right = part(body, "left"), part(body, "right")
        operator = part(body, "op")
        if operator not in ("==", "!=", "in"):
            raise Unread
        negated = operator == "!="
        kind, asked = single(left)
        match kind, asked:
            case "payload", {"field": "saddr"} if isinstance(right, str) and right[0] == "@" and not negated:
                name = right[1:]
                rule.recall = Recall(name, self.elements(name).seconds, "")
            case "payload", {"field": "saddr"}:
                rule.source = ("!" if negated else "") + ",".join(_networks(right))
            case "payload", {"field": "daddr"} if isinstance(right, str) and right[0] == "@":
                members = self.elements(right[1:]).members
                rule.asks.append(lambda door: ((str(door.address),) in members) != negated)
            case "payload", {"field": "daddr"}:
                networks = ("!" if negated else "") + ",".join(_networks(right))
                rule.asks.append(lambda door: covers(networks, door.address))
            case "payload", {"field": "dport", "protocol": protocol}:
                wanted = ("" if protocol == "th" else protocol, right)
                rule.asks.append(lambda door: wanted in ((door.protocol, door.port), ("", door.port)))
            case "meta", {"key": "l4proto"} if not negated:
                name = right if isinstance(right, str) else _PROTOCOLS.get(right, "")
                rule.asks.append(lambda door: door.protocol == name)
            case "fib", {"flags": ["daddr"] | "daddr", "result": "type"} if right == "local" and not negated:
                rule.asks.append(lambda door: door.kind == "node-port")
            case "fib", {"flags": ["saddr"] | "saddr", "result": "type"} if right == "local" and not negated:
                rule.never = True
            case "ct", {"key": "state"} if not negated:
                rule.never |= "new" not in (right if isinstance(right, list) else [right])
            case _:
                raise Unread

    def _verdicts(self, body: object) -> "Callable[[Door], Sequence[Way]] | tuple[Way, ...]":
        """Of a map from what the packet has, or from a random number."""
        key, data = part(body, "key"), part(body, "data")
        kind, parts = single(key)
        if kind == _NUMBERED:
            return tuple(_by_number(parts, data, verdict))
        if isinstance(data, str) and data.startswith("@"):
            verdicts = self.elements(data[1:]).verdicts
        else:
            verdicts = {key_of(one): verdict(leads) for one, leads in map(_pair, _set_of(data))}
        asked = parts if kind == "concat" and isinstance(parts, list) else [key]
        fields = [_field(one) for one in asked]

        def sends(door: Door) -> Sequence[Way]:
            found = verdicts.get(tuple(of(door) for of in fields))
            return () if found is None else (found,)

        return sends


def _leads_to(rule: NftablesRule) -> str:
    """Raises: Unread."""
    if not isinstance(rule.sends, tuple) or len(rule.sends) != 1:
        raise Unread
    return rule.sends[0].chain


def verdict(json: object) -> Way:
    """Raises: Unread."""
    kind, body = single(json)
    if isinstance(json, str):
        kind = json
    match kind:
        case "jump" | "goto":
            return Way(1.0, "jump" if kind == "jump" else "goto", str(part(body, "target")))
        case "drop" | "reject":
            return Way(1.0, "drop")
        case "accept":
            return Way(1.0, "accept")
        case "return":
            return Way(1.0, "return")
        case "continue":
            return Way(1.0, "on")
    raise Unread


def _translation(body: object) -> Iterator[Way]:
    """`dnat to ADDRESS:PORT`, or to one of a numbered map."""
    address = part(body, "addr")
    kind, chosen = single(address)
    if kind != "map":
        yield Way(1.0, "dnat", target=_target(address, part(body, "port")))
        return
    generator, numbers = single(part(chosen, "key"))
    if generator != _NUMBERED:
        raise Unread
    yield from _by_number(numbers, part(chosen, "data"), _numbered_target)


def _numbered_target(json: object) -> Way:
    address, port = key_of(json)
    return Way(1.0, "dnat", target=_target(address, port))


def _target(address: object, port: object) -> Target:
    parsed = parse_address(address) if isinstance(address, str) else None
    if parsed is None or not isinstance(port, int):
        raise Unread
    return Target(parsed, port)


def _by_number(generator: object, data: object, read: Callable[[object], Way]) -> Iterator[Way]:
    """`numgen random mod N`: each number has the same chance; one that has no element goes on."""
    modulus, offset = part(generator, "mod"), part(generator, "offset") or 0
    if not isinstance(modulus, int) or not isinstance(offset, int) or modulus < 1:
        raise Unread
    for number, leads in map(_pair, _set_of(data)):
        if isinstance(number, int) and offset <= number < offset + modulus:
            yield read(leads)._replace(share=1 / modulus)


def _pair(json: object) -> tuple[object, object]:
    """Raises: Unread."""
    if not isinstance(json, list) or len(json) != 2:
        raise Unread
    return json[0], json[1]


def _set_of(data: object) -> list[object]:
    kind, elements = single(data)
    if kind != "set" or not isinstance(elements, list):
        raise Unread
    return elements


def _networks(json: object) -> Iterator[str]:
    kind, body = single(json)
    if kind == "set" and isinstance(body, list):
        for one in body:
            yield from _networks(one)
    elif kind == "prefix":
        yield f"{part(body, 'addr')}/{part(body, 'len')}"
    elif isinstance(json, str):
        yield json
    else:
        raise Unread


def _field(json: object) -> Callable[[Door], object]:
    match single(json):
        case "payload", {"field": "daddr"}:
            return lambda door: str(door.address)
        case "payload", {"field": "dport"}:
            return lambda door: door.port
        case "meta", {"key": "l4proto"}:
            return lambda door: door.protocol
    raise Unread


def _mark(body: object) -> int:
    """`meta mark set meta mark | BITS`. Raises: Unread."""
    kind, parts = single(part(body, "value"))
    if single(part(body, "key")) != ("meta", {"key": "mark"}) or kind != "|" or not isinstance(parts, list):
        raise Unread
    _, bits = parts
    if not isinstance(bits, int):
        raise Unread
    return bits


def asked_bits(origin: NftRule) -> int:
    """Of `meta mark & BITS != 0x0` or `== 0x0`, as the chain `masquerading` asks; 0: for none."""
    statements = part(origin.json, "expr")
    for statement in statements if isinstance(statements, list) else ():
        kind, body = single(statement)
        operator, parts = single(part(body, "left"))
        if kind == "match" and operator == "&" and isinstance(parts, list) and isinstance(parts[-1], int):
            return parts[-1]
    return 0
