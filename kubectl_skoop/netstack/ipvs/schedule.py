"""IPVS schedulers: which real server gets a new connection (net/netfilter/ipvs/ip_vs_*.c).

Those that take turns or count connections go on from where other traffic left them: a random choice with the
shares that they give in the long run. `sh` and `dh` are functions of the addresses, so they are computed.
"""

from collections.abc import Callable, Sequence
from itertools import chain, cycle, islice, repeat

from kubectl_skoop.model.packet import Address, Packet
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.ipvs.service import SCHED_FIRST, SCHED_SECOND, RealServer, VirtualService
from kubectl_skoop.netstack.stack import Stack

EQUAL = frozenset({"rr", "lc"})
"""Every usable server alike (ip_vs_rr.c, ip_vs_lc.c)."""
WEIGHTED = frozenset({"wrr", "wlc", "sed", "nq", "lblc", "lblcr", "mh", "twos"})
COUNTING = frozenset({"lc", "wlc", "sed", "nq", "lblc", "lblcr", "twos"})
"""They compare how many connections the servers have."""
_BITS = 8
_GOLDEN_RATIO = 0x61C88647
"""GOLDEN_RATIO_32 of include/linux/hash.h."""
_WORD = 0xFFFFFFFF


def schedule(stack: Stack, service: VirtualService, packet: Packet) -> RealServer | Unknown | None:
    """None: no server is to be had, the kernel refuses the connection (ip_vs_leave)."""
    exact = _EXACT.get(service.scheduler)
    if exact is not None:
        return exact(service, packet)
    if service.scheduler == "none":
        return None
    usable = service.usable
    if not usable:
        return None
    if len(usable) == 1:
        return usable[0]
    if service.scheduler not in EQUAL | WEIGHTED:
        return Unknown(f"the IPVS scheduler {service.scheduler} is not modelled")
    if service.scheduler in COUNTING:
        _assume(stack, f"the servers of {service} are evenly busy (IPVS {service.scheduler})")
    options = service.equal_shares if service.scheduler in EQUAL else service.weighted_shares
    return stack.choices.pick(f"IPVS {service} {service.scheduler}", options)


def assume_no_affinity(stack: Stack, service: VirtualService) -> None:
    """Persistence templates are not collected."""
    _assume(stack, f"the client has no earlier connection to {service} that ties it to one server")


def _assume(stack: Stack, sentence: str) -> None:
    if sentence not in stack.assumptions:
        stack.assumptions.append(sentence)


def _source_hash(service: VirtualService, packet: Packet) -> RealServer | None:
    """ip_vs_sh_schedule: by a bucket of the source; sh-fallback tries others if its server is not usable."""
    if not service.servers:
        return None
    table = _fill(service.servers, weighted=True)
    port = packet.sport if service.flags & SCHED_SECOND else 0
    first = _hash(packet.src, port)
    found = table[first]
    if found.usable or not service.flags & SCHED_FIRST:
        return found if found.usable else None
    for offset in range(len(table)):
        found = table[((offset + first) % len(table) + first) % len(table)]
        if found.usable:
            return found
    return None


def _destination_hash(service: VirtualService, packet: Packet) -> RealServer | None:
    """ip_vs_dh_schedule."""
    if not service.servers:
        return None
    found = _fill(service.servers, weighted=False)[_hash(packet.dst, 0)]
    return found if found.usable else None


def _heaviest(service: VirtualService, packet: Packet) -> RealServer | None:
    """ip_vs_fo_schedule: the first of the largest weight."""
    return max((one for one in service.servers if one.usable), key=lambda one: one.weight, default=None)


def _overflow(service: VirtualService, packet: Packet) -> RealServer | None:
    """ip_vs_ovf_schedule: the heaviest that has no more active connections than its weight."""
    room = [one for one in service.servers if one.usable and one.active <= one.weight]
    return max(room, key=lambda one: one.weight, default=None)


def _fill(servers: Sequence[RealServer], *, weighted: bool) -> list[RealServer]:
    """ip_vs_sh_reassign, ip_vs_dh_reassign: in turn, `weight` buckets at a time (at least one)."""
    turns = (repeat(server, max(server.weight, 1) if weighted else 1) for server in cycle(servers))
    return list(islice(chain.from_iterable(turns), 1 << _BITS))


def _hash(address: Address, port: int) -> int:
    """ip_vs_sh_hashkey, ip_vs_dh_hashkey: hash_32 of the address, folded for IPv6."""
    folded, number = 0, int(address)
    while number:
        folded, number = folded ^ number & _WORD, number >> 32
    return ((folded + port) * _GOLDEN_RATIO & _WORD) >> (32 - _BITS)


_EXACT: dict[str, Callable[[VirtualService, Packet], RealServer | None]] = {
    "sh": _source_hash,
    "dh": _destination_hash,
    "fo": _heaviest,
    "ovf": _overflow,
}
