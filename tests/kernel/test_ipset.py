"""Random sets against the kernel: which `-m set` rules count a real packet."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from random import Random

import pytest

from kubectl_skoop.model.packet import Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.ipset import parse_ipsets
from kubectl_skoop.netstack.ipset.types import TYPES
from kubectl_skoop.netstack.netfilter.iptables.save import SavedChain, parse_save
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.netns import LabError
from kubectl_skoop.testing.rule_lab import FAR_NET, NET, ROUTER_MAC, SENTINEL, RuleLab, rule_lab
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

PACKETS = 40 * VOLUME
PORTS = (0, 53, 80, 443, 65535)
MACS = ("02:00:00:00:0a:01", "02:00:00:00:0a:02", "02:00:00:00:0a:03")
LACKED = frozenset({"hash:mac", "hash:ip,mac", "hash:ip,mark", "hash:net,net", "hash:net,port,net"})
"""Types that the kernel of CI is built without; `guest/test_sets.py` asks one that has them."""


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


def address(random: Random, family: int) -> str:
    net = random.choice((NET, FAR_NET))[family]
    return f"{net}{'.' if family == 4 else ':'}{random.randint(2, 6)}"


def element(random: Random, kind: str, dimension: str, family: int) -> str:
    match dimension:
        case "ip":
            return f"10.77.1.{random.randint(2, 6)}" if kind.startswith("bitmap") else address(random, family)
        case "net":
            lengths = (0, 8, 24, 29, 31, 32) if family == 4 else (0, 16, 64, 125, 128)
            length = random.choice(lengths if kind == "hash:net,iface" else lengths[1:])
            return f"{address(random, family)}/{length}"
        case "port" if kind == "bitmap:port":
            return str(random.choice(PORTS))
        case "port":
            icmp = ("icmp:echo-request", "icmp:3/1") if family == 4 else ("icmpv6:echo-request", "icmpv6:1/4")
            protocol = random.choice(("tcp", "udp", "sctp"))
            return random.choice((f"{protocol}:{random.choice(PORTS[1:])}", *icmp, "gre:0", "47:0"))
        case "mac":
            return random.choice(MACS)
        case "mark":
            return random.choice(("0x0", "0x1", "0x4000"))
        case "iface":
            return random.choice(("in0", "out0", "lo"))
    raise AssertionError(dimension)


def create(random: Random, name: str, kind: str, family: int) -> list[str]:
    options = {"bitmap:ip": " range 10.77.1.0/24", "bitmap:ip,mac": " range 10.77.1.0/24"}.get(kind, "")
    options = " range 0-65535" if kind == "bitmap:port" else options
    if kind.startswith("hash") and kind != "hash:mac":
        options += f" family {'inet' if family == 4 else 'inet6'}"
        options += random.choice(("", " counters", " comment", " timeout 300"))
        if kind == "hash:ip,mark" and random.random() < 0.5:
            options += " markmask 0x4001"
        if kind == "hash:ip" and random.random() < 0.3:
            options += f" netmask {30 if family == 4 else 126}"
    lines = [f"create {name} {kind}{options}"]
    for _ in range(random.randint(1, 6)):
        parts = [element(random, kind, dimension, family) for dimension in TYPES[kind]]
        flags = ""
        if "net" in TYPES[kind] and random.random() < 0.3:
            flags = " nomatch"
        if " comment" in options:
            flags += ' comment "a nomatch comment"'
        if kind == "hash:net,iface" and not flags and random.random() < 0.2:
            parts[-1], flags = random.choice(("in", "o")), " wildcard"
        lines.append(f"add {name} {','.join(parts)}{flags} -exist")
    return lines


def set_name(kind: str, number: int) -> str:
    """A list:set cannot name a set that has a comma in its name."""
    return f"{kind.replace(',', '_')}-{number}"


def sets(random: Random, family: int, kinds: Collection[str]) -> list[str]:
    lines: list[str] = []
    for kind in sorted(kinds):
        if family == 6 and kind.startswith("bitmap:ip"):
            continue
        for number in range(2):
            lines += create(random, set_name(kind, number), kind, family)
    lines.append("create list list:set")
    listed = random.sample(("hash:net", "hash:ip", "hash:ip,port", "bitmap:port"), 3)
    lines += [f"add list {set_name(kind, 0)}" for kind in listed]
    return lines


def kinds_of_kernel(lab: RuleLab) -> set[str]:
    found = TYPES.keys() - LACKED
    for kind in LACKED:
        with suppress(LabError):
            lab.router.run("ipset", "create", "probe", kind)
            lab.router.run("ipset", "destroy", "probe")
            found.add(kind)
    return found - {"list:set"}


def rules(random: Random, lines: list[str]) -> list[str]:
    names = {line.split()[1]: line.split()[2] for line in lines if line.startswith("create")}
    made = []
    for name, kind in names.items():
        for _ in range(4):
            count = min(len(TYPES[kind]) + random.choice((0, 0, 1)), 3)
            directions = ",".join(random.choice(("src", "dst")) for _ in range(max(count, 1)))
            invert = random.choice(("", "! "))
            option = " --return-nomatch" if random.random() < 0.3 else ""
            made.append(f"-A FORWARD -m set {invert}--match-set {name} {directions}{option}")
    return made


def packet(random: Random, family: int) -> Packet:
    icmp = Protocol.ICMP if family == 4 else Protocol.ICMPV6
    protocol = random.choice((Protocol.TCP, Protocol.UDP, icmp, Protocol.SCTP, 47))
    ports = protocol in {Protocol.TCP, Protocol.UDP, Protocol.SCTP}
    return Packet(
        src=ip_address(f"{NET[family]}{'.' if family == 4 else ':'}{random.randint(2, 6)}"),
        dst=ip_address(f"{FAR_NET[family]}{'.' if family == 4 else ':'}{random.randint(2, 6)}"),
        protocol=protocol,
        sport=random.choice(PORTS) if ports else 0,
        dport=random.choice(PORTS) if ports else 0,
        flags=TcpFlags.SYN if protocol == Protocol.TCP else TcpFlags(0),
        icmp_type=(8 if family == 4 else 128) if protocol == icmp else 0,
        length=100,
        fragment_offset=1200 if random.random() < 0.1 else 0,
        src_mac=random.choice(MACS),
        dst_mac=ROUTER_MAC,
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_a_set_holds_the_packets_that_the_kernel_finds_in_it(
    lab: RuleLab, engine: str, family: int, seed: int
) -> None:
    random = Random(f"{family}-{seed}")
    lines = sets(random, family, kinds_of_kernel(lab))
    marks = ["-A FORWARD -p tcp -j MARK --set-mark 0x1", "-A FORWARD -p udp -j MARK --set-mark 0x4100"]
    wanted = [*marks, *rules(random, lines), f"-A FORWARD -i in0 -m comment --comment {SENTINEL}"]
    lab.router.run("ipset", "restore", text="\n".join(lines) + "\n")
    try:
        lab.load(engine, family, "\n".join(["*mangle", *wanted, "COMMIT", ""]))
        ns = replace(lab.ns, ipsets=parse_ipsets(lab.router.run("ipset", "save")))
        chain = next(
            base.table.chain(base.chain)
            for base in parse_save(lab.save(engine, family), family, "iptables-legacy")
            if base.hook is Hook.FORWARD and base.table.name == "mangle"
        )
        assert isinstance(chain, SavedChain)
        before = lab.counts(engine, family)
        for _ in range(PACKETS):
            sent = packet(random, family)
            ctx = RuleContext(
                stack=Stack(ns, Choices()),
                hook=Hook.FORWARD,
                frame=sent,
                passage=Passage(iif=lab.in_device),
                indev=lab.in_device,
                outdev=lab.out_device,
            )
            lab.send(sent)
            after = lab.matched(engine, family, before, len(before) - 1)
            wrong = []
            for (_, one), new, old in zip(chain.all_rules, after, before, strict=True):
                if one.asks_for(ctx) != (new > old):
                    wrong.append(f"kernel {new > old}: {one.text}")
                one.evaluate(ctx)
            assert not wrong, sent
            before = after
    finally:
        lab.load(engine, family, "*mangle\nCOMMIT\n")
        lab.router.run("ipset", "destroy", "list")
        lab.router.run("ipset", "destroy")
