"""-j SNPT, -j DNPT: another prefix for an IPv6 address, so that checksums stay right (RFC 6296)."""

from dataclasses import dataclass, replace
from ipaddress import IPv6Address, IPv6Network

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable
from kubectl_skoop.netstack.netfilter.types import Continue, RuleContext, Verdict

_WORDS, _ALL_ONES = 8, 0xFFFF
_LONGEST, _SUBNET_BITS = 64, 48
_SUBNET, _HOST = 3, 4
"""The word that makes up for the prefix, and the first of those that do with a longer one."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """Kernel: ip6t_NPT.c, ip6t_snpt_tg, ip6t_dnpt_tg: conntrack knows nothing of it."""

    source: bool
    """Of the packet; else its destination."""
    old: IPv6Network
    new: IPv6Network

    def apply(self, ctx: RuleContext) -> Verdict | Unknown:
        packet = ctx.packet
        if packet.quoted is not None:
            return Unknown("what is made of the packet that an ICMP error is about")
        mapped = self._mapped(packet.src if self.source else packet.dst)
        if mapped is None:
            return Unknown("an address that leaves no room for the checksum")
        ctx.packet = replace(packet, src=mapped) if self.source else replace(packet, dst=mapped)
        return Continue()

    def _mapped(self, address: object) -> IPv6Address | None:
        """ip6t_npt_map_pfx: it is not asked whether the address has the old prefix."""
        assert isinstance(address, IPv6Address)
        length = max(self.old.prefixlen, self.new.prefixlen)
        host = (1 << 128 - length) - 1
        words = _words(int(address) & host | int(self.new.network_address) & ~host)
        place = _SUBNET
        if length > _SUBNET_BITS:
            free = (place for place in range(_HOST, _WORDS) if words[place] != _ALL_ONES)
            place = next(free, _WORDS)
        if place == _WORDS:
            return None
        adjustment = _sum(self.old) + (_ALL_ONES ^ _sum(self.new))
        total = _folded(words[place] + adjustment)
        words[place] = 0 if total == _ALL_ONES else total
        return IPv6Address(b"".join(word.to_bytes(2) for word in words))


def _words(number: int) -> list[int]:
    return [number >> 16 * (_WORDS - 1 - place) & _ALL_ONES for place in range(_WORDS)]


def _sum(prefix: IPv6Network) -> int:
    return _folded(sum(_words(int(prefix.network_address))))


def _folded(number: int) -> int:
    """csum_fold without its last inversion."""
    while number > _ALL_ONES:
        number = (number >> 16) + (number & _ALL_ONES)
    return number


def _parse(options: Options, *, source: bool) -> Prefix:
    old, new = (_prefix(options, name) for name in ("--src-pfx", "--dst-pfx"))
    return Prefix(source, old, new)


def _prefix(options: Options, name: str) -> IPv6Network:
    text = options.require(name).values[0]
    try:
        prefix = IPv6Network(text)
    except ValueError:
        raise Unreadable(f"{name} {text}") from None
    if prefix.prefixlen > _LONGEST:
        raise Unreadable(f"{name} {text}")
    return prefix


_ARITY = {"--src-pfx": 1, "--dst-pfx": 1}
KINDS = {
    "SNPT": TargetKind(_ARITY, lambda options: _parse(options, source=True)),
    "DNPT": TargetKind(_ARITY, lambda options: _parse(options, source=False)),
}
