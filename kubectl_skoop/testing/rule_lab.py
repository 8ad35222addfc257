"""One namespace with rules, a sender before it and a receiver behind it: which rules count a packet?

The counters of the rules are the kernel's answer.
"""

import json
import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address

from kubectl_skoop.model.packet import Frame, Packet, Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.testing.frame import encode
from kubectl_skoop.testing.netns import (
    LabError,
    Namespace,
    create,
    delete,
    entered,
    lab_prefix,
    sysctl_file,
)

_NEVER = 3_600_000
"""Milliseconds to the second report of the groups that a device is in, which rules would count, too."""
SENDER_MAC, ROUTER_MAC = "02:00:00:00:01:01", "02:00:00:00:01:02"
FAR_ROUTER_MAC, RECEIVER_MAC = "02:00:00:00:02:01", "02:00:00:00:02:02"
NET, FAR_NET = {4: "10.77.1", 6: "fd77:1:"}, {4: "10.77.2", 6: "fd77:2:"}
DATAGRAM = Packet(
    src=ip_address("10.77.1.2"),
    dst=ip_address("10.77.2.2"),
    protocol=Protocol.UDP,
    sport=1000,
    dport=2000,
    length=100,
    src_mac=SENDER_MAC,
    dst_mac=ROUTER_MAC,
)
"""From the sender to the receiver, as the router gets it."""
DATAGRAM6 = replace(DATAGRAM, src=ip_address("fd77:1::2"), dst=ip_address("fd77:2::2"))
SENTINEL = "sentinel"
"""Comment of the rule whose counter says that a packet was handled."""

_RULE = re.compile(r"^\[(\d+):\d+\] (-A .*)$", re.MULTILINE)
_WAIT = 10.0
"""Seconds, at most."""
_KEPT = 86400
"""Seconds that an entry of conntrack is kept: none expires, however slow the machine is at a test."""


@dataclass(slots=True)
class RuleLab:
    router: Namespace
    ns: NetworkNamespace
    in_device: int
    """Towards the sender."""
    out_device: int
    _near: socket.socket
    _far: socket.socket
    _sequence: int = 0

    def load(self, engine: str, family: int, text: str) -> None:
        """`engine` is legacy or nft; flushes what was there in the tables of the text."""
        self.router.run(f"{_tool(family)}-{engine}-restore", text=text)

    def save(self, engine: str, family: int, *, counters: bool = False) -> str:
        return self.router.run(f"{_tool(family)}-{engine}-save", *(("-c",) if counters else ()))

    def counts(self, engine: str, family: int) -> list[int]:
        """Packets of each rule, in the order of `save`."""
        text = self.save(engine, family, counters=True)
        return [int(packets) for packets, _ in _RULE.findall(text)]

    def send(self, packet: Frame, *, back: bool = False) -> None:
        """From the sender; `back`: from the receiver."""
        self._sequence += 1
        (self._far if back else self._near).send(encode(packet, sequence=self._sequence))

    def matched(self, engine: str, family: int, before: list[int], sentinel: int) -> list[int]:
        """The counters once the rule at `sentinel` has counted one packet more.

        Raises:
            LabError: it does not.
        """
        deadline = time.monotonic() + _WAIT
        while True:
            after = self.counts(engine, family)
            if after[sentinel] > before[sentinel]:
                return after
            if time.monotonic() > deadline:
                raise LabError("the packet did not reach the sentinel rule")


def _tool(family: int) -> str:
    return "iptables" if family == 4 else "ip6tables"


@contextmanager
def rule_lab(sysctls: Mapping[str, object] | None = None, *, router_commands: str = "") -> Iterator[RuleLab]:
    """sender ─ in0 router out0 ─ receiver; neighbours are static. `router_commands`: of ip(8)."""
    prefix = lab_prefix()
    sender, router, receiver = (Namespace(f"{prefix}{name}") for name in ("s", "r", "d"))
    names = [namespace.name for namespace in (sender, router, receiver)]
    create(names)
    try:
        for namespace in (sender, router, receiver):
            namespace.set_sysctls(
                {
                    "net.ipv6.conf.default.accept_dad": 0,
                    "net.ipv6.conf.default.router_solicitations": 0,
                    "net.ipv6.conf.default.mldv2_unsolicited_report_interval": _NEVER,
                    "net.ipv6.conf.default.addr_gen_mode": 1,
                    "net.ipv4.conf.all.rp_filter": 0,
                    "net.ipv4.conf.default.rp_filter": 0,
                }
            )
        router.set_sysctls({"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1, **(sysctls or {})})
        router.set_sysctls(dict.fromkeys(_timeouts(router), _KEPT))
        router.run("ip", "-batch", "-", text=_links(sender.name, receiver.name) + router_commands)
        sender.run("ip", "-batch", "-", text="link set lo up\nlink set out0 up\n")
        receiver.run("ip", "-batch", "-", text="link set lo up\nlink set in0 up\n")
        devices = _devices(router)
        with _raw_socket(sender, "out0") as near, _raw_socket(receiver, "in0") as far:
            ns = NetworkNamespace(
                id=router.name, place=Place("node", "router"), node="router", devices=devices
            )
            index = {device.name: number for number, device in devices.items()}
            yield RuleLab(router, ns, index["in0"], index["out0"], near, far)
    finally:
        delete(names)


def _timeouts(namespace: Namespace) -> list[str]:
    """The sysctls that say how long conntrack keeps entries, of each protocol and state."""
    with entered(namespace.path):
        files = sysctl_file("net.netfilter").glob("nf_conntrack_*timeout*")
        return [f"net.netfilter.{file.name}" for file in files]


def _raw_socket(namespace: Namespace, device: str) -> socket.socket:
    with entered(namespace.path):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind((device, 0))
    return raw


def _links(sender: str, receiver: str) -> str:
    lines = [
        "link set lo up",
        f"link add in0 address {ROUTER_MAC} type veth peer name out0 netns {sender} address {SENDER_MAC}",
        f"link add out0 address {FAR_ROUTER_MAC} type veth peer name in0 netns {receiver}"
        f" address {RECEIVER_MAC}",
    ]
    for device, net, mac in (("in0", NET, SENDER_MAC), ("out0", FAR_NET, RECEIVER_MAC)):
        lines += [f"link set {device} up", f"addr add {net[4]}.1/24 dev {device}"]
        lines.append(f"addr add {net[6]}:1/64 dev {device} nodad")
        for host in range(2, 10):
            lines.append(f"neigh replace {net[4]}.{host} lladdr {mac} dev {device} nud permanent")
            lines.append(f"neigh replace {net[6]}:{host} lladdr {mac} dev {device} nud permanent")
    return "\n".join(lines) + "\n"


def _devices(router: Namespace) -> dict[int, Device]:
    links = json.loads(router.run("ip", "-j", "-d", "link"))
    return {
        link["ifindex"]: Device(
            index=link["ifindex"],
            name=link["ifname"],
            kind=link.get("linkinfo", {}).get("info_kind", ""),
            mac=link["address"],
            mtu=link["mtu"],
            flags=0x9 if link["ifname"] == "lo" else 0x10001,
        )
        for link in links
    }
