"""Text of ebtables-save and of the agent's list of arptables-legacy, and frames that meet its rules."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

from kubectl_skoop.model.packet import Arp, Frame, Passage
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import link_hooks
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.netfilter.types import Hook, LinkFamily, Netfilter
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms
from kubectl_skoop.snapshot.redact.table import redact_table
from tests.fuzzing.router import PACKETS
from tests.fuzzing.target import Target
from tests.fuzzing.targets.iptables import NOTHING

KINDS = ("ebtables-nft", "arptables-legacy")
SENDER, RECEIVER = "02:00:00:00:00:01", "02:00:00:00:00:02"
ARP = Arp(
    request=True,
    sender_mac=SENDER,
    sender=IPv4Address("10.0.0.1"),
    target=IPv4Address("10.0.0.2"),
    src_mac=SENDER,
    dst_mac="ff:ff:ff:ff:ff:ff",
)
HOOKS = (Hook.PREROUTING, Hook.INPUT, Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING)
BRIDGE_RULES = (
    "-p IPv4 --ip-src 10.0.0.1 --ip-dst 10.0.0.0/24 -j ACCEPT",
    "-p IPv4 --ip-proto tcp --ip-sport 1:65535 --ip-dport 80 -j OWN",
    "-p IPv6 --ip6-src fd00::1 ! --ip6-dst fd00::/64 --ip6-proto udp --ip6-dport 53 -j DROP",
    "-p ARP --arp-op Request --arp-ip-src 10.0.0.1 --arp-ip-dst 10.0.0.2 -j CONTINUE",
    "-p ARP --arp-mac-src 02:00:00:00:00:01 --arp-mac-dst ff:ff:ff:ff:ff:ff -j DROP",
    "-s 02:00:00:00:00:01 ! -d 01:00:00:00:00:00/01:00:00:00:00:00 -i eth+ -o eth1 -j RETURN",
    "-d Multicast --logical-in br0 --logical-out br0 -j DROP",
    "-p 802_1Q --vlan-id 5 -j ACCEPT",
    "--pkttype-type otherhost --limit 1/sec --limit-burst 5 -j ACCEPT",
    "--mark 0x1/0xff -j mark --mark-set 0x2 --mark-target CONTINUE",
    "-j mark --mark-or 0x4 --mark-target ACCEPT",
    "-j snat --to-src 02:00:00:00:00:09 --snat-target ACCEPT",
    "-j dnat --to-dst 02:00:00:00:00:09 --dnat-target ACCEPT",
    "-j arpreply --arpreply-mac 02:00:00:00:00:09",
)
ARP_RULES = (
    "-s 10.0.0.1 -d 10.0.0.0/24 -j ACCEPT",
    "! -i eth1 -o eth+ --opcode 1 -j DROP",
    "--src-mac 02:00:00:00:00:01 --dst-mac ff:ff:ff:ff:ff:ff/ff:ff:ff:ff:ff:ff -j OWN",
    "--h-length 6 --h-type 1 --proto-type 0x800 -j CONTINUE",
    "-j mangle --mangle-ip-s 10.0.0.9",
    "-j RETURN",
)


def run(data: bytes) -> None:
    """The first byte chooses the kind."""
    kind, text = KINDS[data[0] % len(KINDS) if data else 0], data[1:].decode("utf-8", "backslashreplace")
    netfilter = load_netfilter(**{**NOTHING, kind.replace("-", "_"): text}, gaps={})
    frames: list[Frame] = [ARP]
    if kind == "ebtables-nft":
        frames += [replace(packet, src_mac=SENDER, dst_mac=RECEIVER) for packet in PACKETS]
    for frame in frames:
        for script in ((), (1, 1, 1)):
            _pass(netfilter, "bridge" if kind == "ebtables-nft" else "arp", frame, Choices(script=script))
    redact_table(kind, Table(data=text), Pseudonyms(b"k" * 32), LeftOut())


def _pass(netfilter: Netfilter, family: LinkFamily, frame: Frame, choices: Choices) -> None:
    """At every hook, whatever became of it at the one before."""
    ns = NetworkNamespace(
        id="switch",
        place=Place("node", "switch"),
        node="switch",
        devices={1: Device(index=1, name="eth0"), 2: Device(index=2, name="eth1")},
        netfilter=netfilter,
    )
    stack = Stack(ns, choices)
    for hook in HOOKS:
        link_hooks.run(stack, family, hook, frame, Passage(iif=1), indev=1, outdev=2)


def seeds() -> Iterator[bytes]:
    for number, (rules, tables) in enumerate(((BRIDGE_RULES, ("filter", "nat")), (ARP_RULES, ("filter",)))):
        texts = [_text(table, [rule]) for table in tables for rule in rules]
        for text in (*texts, "".join(_text(table, rules) for table in tables)):
            yield bytes([number]) + text.encode()


def _text(table: str, rules: list[str] | tuple[str, ...]) -> str:
    chains = ("PREROUTING", "OUTPUT", "POSTROUTING") if table == "nat" else ("INPUT", "FORWARD", "OUTPUT")
    heads = [f"*{table}", *(f":{chain} ACCEPT" for chain in chains), ":OWN RETURN"]
    return "\n".join([*heads, *(f"-A {chains[1]} {rule}" for rule in rules), "-A OWN -j DROP", "COMMIT", ""])


TARGET = Target(
    name="link_rules",
    run=run,
    seeds=seeds,
    words=tuple(
        sorted({word for rule in (*BRIDGE_RULES, *ARP_RULES) for word in rule.split()} | {"-A ", ":OWN "})
    ),
)
