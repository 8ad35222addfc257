"""A namespace with random devices, addresses, routes, rules and sysctls, the same for the same seed."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from random import Random
from types import TracebackType
from typing import Self

from kubectl_skoop.testing.netns import LabError, Namespace, create, delete, lab_prefix, ready_for_ipv6

PAIRS = 4
_SETTLED = 5.0
"""Seconds that linkwatch may take."""
DEVICES = tuple(f"{side}{number}" for number in range(PAIRS) for side in ("v", "p"))
"""veth pairs with both ends in the namespace."""
OWN = ("10.0.0.1", "10.0.1.1", "10.1.0.2", "10.2.3.254", "192.168.7.7", "10.3.3.3")
SPECIAL = (
    "0.0.0.0",
    "0.0.0.9",
    "127.0.0.1",
    "127.0.0.9",
    "255.255.255.255",
    "10.0.0.255",
    "10.0.0.0",
    "192.168.7.255",
    "8.8.8.8",
)
MARKS = (0, 1, 2, 3, 0x10, 0x11)
TOS = (0, 0, 0, 0x10, 0x30, 0xB0, 0x08, 0x04)
PORTS = (53, 80, 443, 1024, 40000)
_OWN6 = (("v0", 64), ("v0", 48), ("v1", 32), ("v2", 127), ("v3", 64), ("lo", 128))
"""Device and prefix length of the IPv6 addresses that stand for `OWN`."""
_MORE = (
    "10.0.0.2/24 dev v0",
    "10.0.0.3/25 dev v0",
    "10.0.1.2/25 dev v0 scope link",
    "10.1.0.3/16 dev v1 scope host",
    "10.1.1.4/24 dev v1",
    "10.2.2.1 peer 10.2.2.2/32 dev v2",
    "10.3.0.1/20 dev p0",
    "10.3.1.1/24 dev p1 scope site",
)
"""Addresses that are secondary, of a narrow scope, point to point."""
_MORE6 = (
    "fd10:0:1::77/64 dev v0 preferred_lft 0",
    "fd10:0:0::1/32 dev v0 preferred_lft 0",
    "fd10:2:3::78/64 dev v1",
    "fd10:2:3::80/128 dev p0",
    "2002:a00:1::1/64 dev v1",
    "2001:10::1/64 dev v0",
    "2001:db8::1/64 dev v2",
    "fec0::5/64 dev v2",
    "::10.0.0.9/120 dev v3",
)
_ADDRESS_LABELS = (
    "prefix fd10:2::/32 label 99",
    "prefix fd10:2::/32 dev v1 label 98",
    "prefix fd10::/16 label 97",
    "prefix fd10:0:1::/48 label 99",
    "prefix 2001:db8::/32 label 5",
)
_TABLES = ("main", "main", "main", "100", "101", "102", "default", "local")
_LENGTHS = (0, 0, 8, 12, 15, 16, 20, 22, 24, 24, 25, 28, 30, 31, 32, 32)
_LENGTHS6 = (0, 0, 15, 16, 31, 32, 32, 47, 48, 48, 64, 120, 126, 128, 128)
_OBJECTS6 = (
    "nexthop add id 1 via fd10:0:1::50 dev v0 onlink",
    "nexthop add id 2 via fd10:1::50 dev v1 onlink",
    "nexthop add id 3 via fd10:2::50 dev p1 onlink",
    "nexthop add id 4 group 1,3/2",
    "nexthop add id 5 group 3/2,2/1",
    "nexthop add id 6 blackhole",
)
_CONF = {
    "rp_filter": (0, 0, 1, 2),
    "accept_local": (0, 0, 1),
    "route_localnet": (0, 0, 1),
    "src_valid_mark": (0, 1),
    "forwarding": (1, 1, 1, 0),
    "send_redirects": (0, 1),
    "ignore_routes_with_linkdown": (0, 0, 1),
}


def to_ipv6(address: str) -> str:
    """The IPv6 address that stands for an IPv4 one in an IPv6 lab."""
    first, second, third, last = address.split(".")
    return f"fd{first.zfill(2)[:2]}:{second}:{third}::{last}"


@dataclass(frozen=True, slots=True)
class Universe:
    """Few addresses, so that prefixes overlap and queries hit."""

    random: Random
    family: int = 4

    def address(self) -> str:
        address = self._address4()
        return address if self.family == 4 else to_ipv6(address)

    def own(self) -> str:
        address = self.random.choice(OWN)
        return address if self.family == 4 else to_ipv6(address)

    def _address4(self) -> str:
        draw = self.random.random()
        if draw < 0.15:
            return self.random.choice(OWN)
        if draw < 0.22:
            return self.random.choice(SPECIAL)
        last = self.random.choice((0, 1, 2, 3, 77, 127, 128, 254, 255))
        return f"10.{self.random.randrange(4)}.{self.random.randrange(4)}.{last}"

    def prefix(self) -> str:
        length = self.random.choice(_LENGTHS if self.family == 4 else _LENGTHS6)
        network = ip_network(f"{self.address()}/{length}", strict=False)
        return str(network)


class RouteLab:
    """`rules` False: the policy rules are never touched. `neighbours`: some gateways answered, some did not,
    which counts (a host of IPv6, `fib_multipath_use_neigh`); of IPv6 nexthop objects, too."""

    def __init__(
        self, seed: int, *, rules: bool, routes: int = 60, family: int = 4, neighbours: bool = False
    ) -> None:
        self._random = Random(seed)
        self._family = family
        self._universe = Universe(self._random, family)
        self._rules = rules
        self._routes = routes
        self._neighbours = neighbours
        self.namespace = Namespace(f"{lab_prefix()}rt")

    def __enter__(self) -> Self:
        create([self.namespace.name])
        try:
            self.namespace.set_sysctls({"net.ipv6.conf.default.accept_dad": 0})
            self.namespace.run("ip", "-batch", "-", text="\n".join(self._links()))
            self.namespace.set_sysctls(dict(self._sysctls()))
            # Some of the random lines contradict each other: the kernel refuses those.
            lines = [
                *self._address_lines(),
                *self._route_lines(),
                *(self._rule_lines() if self._rules else ()),
            ]
            self.namespace.run(
                "sh",
                "-c",
                f"ip -{self._family} -force -batch - >/dev/null 2>&1 || :",
                text="\n".join(lines) + "\n",
            )
            if self._family == 6:
                self._await_addresses()
            if self._neighbours:
                self.namespace.run("ip", "-batch", "-", text="\n".join(self._neighbour_lines()))
        except BaseException:
            delete([self.namespace.name])
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        delete([self.namespace.name])

    def _await_addresses(self) -> None:
        """Link-local addresses, and the routes of the others (addrconf_dad_work), come a moment later."""
        end, before = time.monotonic() + _SETTLED, ""
        while True:
            listed = self.namespace.run("ip", "-6", "route", "show", "table", "local")
            if listed == before and ready_for_ipv6(self.namespace):
                return
            if time.monotonic() > end:
                raise LabError(f"addresses are not ready after {_SETTLED:.0f} s")
            before = listed
            time.sleep(0.05)

    def _links(self) -> Iterator[str]:
        yield "link set lo up"
        for number in range(PAIRS):
            yield f"link add v{number} type veth peer name p{number}"
            yield f"link set v{number} up"
            if number != PAIRS - 1:
                yield f"link set p{number} up"
        yield from (f"link set {device} group 7" for device in ("p0", "v1", "v2"))
        yield "addr add 10.0.0.1/24 dev v0"
        yield "addr add 10.0.1.1/25 dev v0"
        yield "addr add 10.1.0.2/16 dev v1"
        yield "addr add 10.2.3.254/31 dev v2"
        yield "addr add 192.168.7.7/24 dev v3"
        yield "addr add 10.3.3.3/32 dev lo"
        if self._family == 6:
            for own, (device, length) in zip(OWN, _OWN6, strict=True):
                yield f"addr add {to_ipv6(own)}/{length} dev {device} nodad"

    def _address_lines(self) -> Iterator[str]:
        if self._family == 4:
            yield from (f"addr add {address}" for address in self._sample(_MORE))
            return
        yield from (f"addr add {address} nodad" for address in self._sample(_MORE6))
        yield from (f"addrlabel add {label}" for label in self._sample(_ADDRESS_LABELS))

    def _sample(self, values: Sequence[str]) -> list[str]:
        """Some of them, in any order."""
        return self._random.sample(values, self._random.randrange(len(values) + 1))

    def _sysctls(self) -> Iterator[tuple[str, object]]:
        yield "net.ipv4.conf.all.forwarding", 1
        yield "net.ipv4.fib_multipath_use_neigh", int(self._neighbours)
        yield "net.ipv6.conf.all.forwarding", int(not self._neighbours)
        for setting, values in _CONF.items():
            if setting != "forwarding":
                yield f"net.ipv4.conf.all.{setting}", self._random.choice((0, 0, 0, *values))
            for device in DEVICES:
                yield f"net.ipv4.conf.{device}.{setting}", self._random.choice(values)
        setting = "ignore_routes_with_linkdown"
        for device in DEVICES:
            yield f"net.ipv6.conf.{device}.{setting}", self._random.choice(_CONF[setting])
            yield f"net.ipv6.conf.{device}.use_oif_addrs_only", self._random.choice((0, 0, 1))

    def _route_lines(self) -> Iterator[str]:
        if self._family == 6:
            yield from _OBJECTS6 if self._neighbours else ()
            for _ in range(self._routes):
                yield f"route {self._random.choice(('add', 'append'))} {self._route6()}"
            return
        yield "nexthop add id 1 via 10.0.0.50 dev v0"
        yield "nexthop add id 2 via 10.1.0.50 dev v1"
        yield "nexthop add id 3 group 1,3/2"
        yield "nexthop add id 4 blackhole"
        for _ in range(self._routes):
            yield f"route {self._random.choice(('add', 'append', 'prepend'))} {self._route()}"

    def _route(self) -> str:
        draw = self._random.random()
        table = self._random.choice(_TABLES)
        words = ["table", table]
        if self._random.random() < 0.2:
            words += ["tos", self._random.choice(("0x10", "0x08", "0x04"))]
        if self._random.random() < 0.3:
            words += ["metric", str(self._random.choice((1, 5, 10, 100)))]
        prefix = self._universe.prefix()
        if draw < 0.3:
            kind = self._random.choice(("blackhole", "unreachable", "prohibit", "throw", "throw"))
            return " ".join([kind, prefix, *words])
        if draw < 0.42:
            kind = self._random.choice(("local", "local", "broadcast", "anycast", "multicast"))
            return " ".join([kind, prefix, "dev", self._random.choice((*DEVICES, "lo")), *words])
        if draw < 0.5:
            return " ".join([prefix, "nhid", str(self._random.randrange(1, 5)), *words])
        if draw < 0.65:
            hops = [f"nexthop {self._way()} weight {self._random.randrange(1, 4)}" for _ in range(3)]
            return " ".join([prefix, *words, *hops])
        if self._random.random() < 0.2:
            words += ["src", self._random.choice(OWN)]
        return " ".join([prefix, self._way(), *words])

    def _route6(self) -> str:
        words = ["table", self._random.choice(_TABLES)]
        if self._random.random() < 0.4:
            words += ["metric", str(self._random.choice((1, 5, 256, 2000)))]
        prefix = self._universe.prefix()
        draw = self._random.random()
        if draw < 0.3:
            kind = self._random.choice(("blackhole", "unreachable", "prohibit", "throw", "throw"))
            return " ".join([kind, prefix, *words])
        if draw < 0.4:
            return " ".join(["local", prefix, "dev", self._random.choice((*DEVICES, "lo")), *words])
        if draw < 0.5:
            hops = [f"nexthop {self._way()} weight {self._random.randrange(1, 4)}" for _ in range(3)]
            return " ".join([prefix, *words, *hops])
        if self._neighbours and draw < 0.65:
            return " ".join([prefix, "nhid", str(self._random.randrange(1, len(_OBJECTS6) + 1)), *words])
        if self._random.random() < 0.2:
            words += ["src", self._universe.own()]
        return " ".join([prefix, self._way(), *words])

    def _neighbour_lines(self) -> Iterator[str]:
        """Of the gateways a third answered, a third did not, the others were never asked."""
        listed = json.loads(
            self.namespace.run("ip", f"-{self._family}", "-j", "route", "show", "table", "all")
        )
        hops = [hop for route in listed for hop in route.get("nexthops", [route]) if "gateway" in hop]
        for device, gateway in sorted({(hop["dev"], hop["gateway"]) for hop in hops}):
            state = self._random.choice(("nud failed", "lladdr 02:00:00:00:00:99 nud permanent", ""))
            if state:
                yield f"neigh replace {gateway} dev {device} {state}"

    def _way(self) -> str:
        device = self._random.choice(DEVICES)
        if self._random.random() < 0.5:
            return f"dev {device}"
        if self._family == 4 and self._random.random() < 0.1:
            return f"via inet6 fe80::{self._random.randrange(1, 9)} dev {device} onlink"
        return f"via {self._universe.address()} dev {device} onlink"

    def _rule_lines(self) -> Iterator[str]:
        moved = self._random.random() < 0.3
        if moved:
            yield "rule add pref 500 lookup local"
            yield "rule del pref 0"
        for _ in range(self._random.randrange(2, 14)):
            yield f"rule add {self._rule()}"

    def _rule(self) -> str:
        choose, priority = self._random.choice, self._random.randrange(1, 1000)
        selectors: tuple[Callable[[], str], ...] = (
            lambda: f"from {self._universe.prefix()}",
            lambda: f"to {self._universe.prefix()}",
            lambda: f"iif {choose((*DEVICES, 'lo', 'lo', 'gone'))}",
            lambda: f"oif {choose((*DEVICES, 'gone'))}",
            lambda: f"fwmark {choose(MARKS)}" + choose(("", "/0x1", "/0x3", "/0x10", "/0x0")),
            lambda: f"tos {choose(('0x10', '0x08', '0x04'))}",
            lambda: f"ipproto {choose(('tcp', 'udp', 'icmp'))}",
            lambda: f"sport {choose(('53', '1-1024', '40000'))}",
            lambda: f"dport {choose(('80', '443-500', '53'))}",
            lambda: f"tun_id {choose((1, 7))}",
            lambda: f"uidrange {choose(('0-0', '1000-2000', '0-999'))}",
        )
        words = [f"pref {priority}"]
        if self._random.random() < 0.2:
            words.append("not")
        words += [
            selector() for selector in self._random.sample(selectors, self._random.choice((1, 1, 1, 2, 3)))
        ]
        draw = self._random.random()
        if draw < 0.12:
            words.append(f"goto {self._random.randrange(priority, 1200)}" if draw < 0.04 else "goto 32766")
        elif draw < 0.2:
            words.append(choose(("blackhole", "unreachable", "prohibit", "nop")))
        else:
            words.append(f"lookup {choose(('main', '100', '101', '102', '103', 'local', 'default'))}")
            if self._random.random() < 0.2:
                words.append(
                    choose(("suppress_prefixlength 0", "suppress_prefixlength 16", "suppress_ifgroup 0"))
                )
        return " ".join(words)
