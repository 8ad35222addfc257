"""A router with three devices, frames sent to it by hand, and what it does with each.

`r0` 10.1.0.1/24, `r1` 10.2.0.1/24, `r2` without address and with a route to 10.3.0.2; each is one end of a
veth pair whose other end (`s0` …) is the outside.
"""

import socket
import struct
import time
from collections.abc import Mapping
from ipaddress import ip_address
from types import TracebackType
from typing import Self

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.testing.frame import encode
from kubectl_skoop.testing.looking import readable
from kubectl_skoop.testing.netns import SETTLE, LabError, Namespace, create, delete, entered, lab_prefix

DEVICES = ("r0", "r1", "r2")
PORT = 9999
_ADDRESSES = {
    4: "addr add 10.1.0.1/24 dev r0\naddr add 10.2.0.1/24 dev r1\nroute add 10.3.0.2/32 dev r2\n",
    6: "addr add fd00:1::1/64 dev r0 nodad\naddr add fd00:2::1/64 dev r1 nodad\n",
}
_FORWARDING = {
    4: {"net.ipv4.ip_forward": 1, "net.ipv4.icmp_ratelimit": 0, "net.ipv4.icmp_ratemask": 0},
    6: {"net.ipv6.conf.all.forwarding": 1, "net.ipv6.icmp.ratelimit": 0},
}
_ETH_P_ALL = 3
_QUIET = 0.06
"""Seconds after which a packet that nothing was seen of counts as dropped; a veth pair delivers at once."""
_ZERO = ("rp_filter", "accept_local", "route_localnet", "src_valid_mark", "send_redirects")
_HOUSEKEEPING = frozenset((*range(130, 137), 143))
"""ICMPv6 types of neighbour and listener discovery."""
_COUNTERS = {"IPReversePathFilter": "rp-filter", "InAddrErrors": "no forwarding"}


class InputLab:
    """Belongs to one thread. For IPv6 the addresses are fd00:1::1/64 and fd00:2::1/64."""

    def __init__(self, family: int = 4) -> None:
        self._family = family
        prefix = lab_prefix()
        self.router, self._outside = Namespace(f"{prefix}r"), Namespace(f"{prefix}o")
        self._taps: dict[str, socket.socket] = {}

    def __enter__(self) -> Self:
        create([self.router.name, self._outside.name])
        try:
            self._build()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        for tap in self._taps.values():
            tap.close()
        delete([self.router.name, self._outside.name])

    def _build(self) -> None:
        quiet = {"accept_dad": 0, "disable_ipv6": int(self._family == 4), "router_solicitations": 0}
        for namespace in (self.router, self._outside):
            for name in ("all", "default"):
                namespace.set_sysctls({f"net.ipv6.conf.{name}.{key}": value for key, value in quiet.items()})
        lines = ["link set lo up"]
        for number, device in enumerate(DEVICES):
            peer = f"s{number} netns {self._outside.name} address {_mac(device, outside=True)}"
            lines.append(f"link add {device} address {_mac(device)} type veth peer name {peer}")
            lines.append(f"link set {device} up")
        self._outside.run("ip", "link", "set", "lo", "up")
        self.router.run("ip", "-batch", "-", text="\n".join(lines) + "\n")
        up = "".join(f"link set s{number} up\n" for number in range(len(DEVICES)))
        self._outside.run("ip", "-batch", "-", text=up)
        self.router.run("ip", "-batch", "-", text=_ADDRESSES[self._family])
        self.router.set_sysctls(_FORWARDING[self._family])
        if self._family == 6:
            self._await_link_local()
        with entered(self.router.path):
            kind, anywhere = (socket.AF_INET, "0.0.0.0") if self._family == 4 else (socket.AF_INET6, "::")
            server = self._taps["server"] = socket.socket(kind, socket.SOCK_DGRAM)
            server.bind((anywhere, PORT))
        with entered(self._outside.path):
            for number in range(len(DEVICES)):
                tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
                tap.bind((f"s{number}", _ETH_P_ALL))
                self._taps[f"s{number}"] = tap
        for tap in self._taps.values():
            tap.setblocking(False)

    def _await_link_local(self) -> None:
        """The kernel makes these addresses a moment after the link is up."""
        end = time.monotonic() + SETTLE
        while time.monotonic() < end:
            listed = self.router.run("ip", "-6", "-oneline", "addr", "show", "scope", "link", "-tentative")
            if listed.count("fe80:") == len(DEVICES):
                return
            time.sleep(0.005)
        raise LabError(f"no link-local addresses after {SETTLE} s")

    def configure(self, sysctls: Mapping[str, object], lines: str, mark: int) -> None:
        """Beside the devices' own routes, no rp_filter and forwarding everywhere.

        `sysctls`: `r0.rp_filter` for `net.ipv4.conf.r0.rp_filter`. `lines`: for `ip -batch`.
        `mark`: arriving packets are marked with it.
        """
        usual: dict[str, object] = {}
        if self._family == 4:
            usual |= {f"{device}.{name}": 0 for name in _ZERO for device in ("all", *DEVICES)}
            usual |= {f"{device}.forwarding": 1 for device in DEVICES}
        tree = f"net.ipv{self._family}.conf"
        self.router.set_sysctls({f"{tree}.{name}": value for name, value in {**usual, **sysctls}.items()})
        self.router.run("ip", f"-{self._family}", "-batch", "-", text=f"{lines}\n")
        if mark:
            hook = "type filter hook prerouting priority -300"
            marking = f"add rule ip lab pre meta mark set {mark}"
            text = f"add table ip lab\nadd chain ip lab pre {{ {hook}; }}\n{marking}\n"
            self.router.run("nft", "-f", "-", text=text)

    def neighbours(self, addresses: Mapping[str, str]) -> None:
        """Hosts of the outside by the router's device that leads to them."""
        entries = (
            f"neigh replace {address} lladdr {_mac(device, outside=True)} dev {device} nud permanent\n"
            for address, device in addresses.items()
        )
        self.router.run("ip", "-batch", "-", text="".join(entries))

    def packet(self, source: str, destination: str, device: str) -> Packet:
        return Packet(
            src=ip_address(source),
            dst=ip_address(destination),
            protocol=Protocol.UDP,
            sport=1234,
            dport=PORT,
            src_mac=_mac(device, outside=True),
            dst_mac=_mac(device),
        )

    def send(self, packet: Packet, device: str) -> set[str]:
        """What was seen: `delivered`, `forwarded by r1`, `icmp 3/0`, `rp-filter`, `no forwarding`."""
        for tap in self._taps.values():
            _drain(tap)
        before = self._counters()
        self._taps[device.replace("r", "s")].send(encode(packet))
        seen: set[str] = set()
        for ready in readable(list(self._taps.values()), _QUIET):
            for name, tap in self._taps.items():
                if tap in ready:
                    seen |= _sightings(name, tap)
        after = self._counters()
        return seen | {meaning for counter, meaning in _COUNTERS.items() if after[counter] != before[counter]}

    def _counters(self) -> dict[str, int]:
        with entered(self.router.path):
            values: dict[str, int] = {}
            for name in ("netstat", "snmp"):
                with open(f"/proc/thread-self/net/{name}", encoding="ascii") as file:
                    lines = file.read().splitlines()
                for heads, numbers in zip(lines[::2], lines[1::2], strict=True):
                    values |= zip(heads.split()[1:], map(int, numbers.split()[1:]), strict=True)
        return values


def _mac(device: str, *, outside: bool = False) -> str:
    return f"02:00:00:00:0{int(outside)}:0{device[-1]}"


def _drain(tap: socket.socket) -> None:
    for _ in range(1000):
        try:
            tap.recv(2048)
        except BlockingIOError:
            return


def _sightings(name: str, tap: socket.socket) -> set[str]:
    """Of frames that the router sent (not those that we did), and of datagrams that its server got."""
    seen: set[str] = set()
    for _ in range(100):
        try:
            data, origin = tap.recvfrom(2048)
        except BlockingIOError:
            return seen
        if name == "server":
            seen.add("delivered")
        elif origin[2] != socket.PACKET_OUTGOING:
            ipv6 = data[12:14] == b"\x86\xdd"
            protocol, body = (data[20], data[54:]) if ipv6 else (data[23], data[34:])
            if protocol in (Protocol.ICMP, Protocol.ICMPV6):
                kind, code = struct.unpack_from("!BB", body)
                if kind not in _HOUSEKEEPING:
                    seen.add(f"icmp {kind}/{code}")
            elif protocol == Protocol.UDP:
                seen.add(f"forwarded by {name.replace('s', 'r')}")
    return seen
