"""Random chains with jumps, goto, return and verdicts, in each engine: does the packet come out, and how?"""

import select
import socket
import time
from collections.abc import Iterator
from ipaddress import ip_address
from random import Random

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.model.packet import Packet, Passage, TcpFlags
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.outcome import Passed
from kubectl_skoop.netstack.netfilter.traverse import traverse
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.testing.netns import SETTLE, Namespace, entered
from kubectl_skoop.testing.rule_lab import ROUTER_MAC, SENDER_MAC, RuleLab, rule_lab
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

CHAINS, RULES, PACKETS = 6, 5, 40 * VOLUME
PORTS = (80, 81, 443)
MARKS = (1, 2, 4)
SENTINEL_PORT = 9


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


@pytest.fixture(scope="module")
def receiver(lab: RuleLab) -> Iterator[socket.socket]:
    with entered(Namespace(lab.router.name[:-1] + "d").path):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    tap.bind(("in0", 0x0800))
    with tap:
        yield tap


Term = tuple[str, int]
"""What is asked: `dport`, `sport`, `udp`, `tcp`, `mark`, or `` for nothing; and the value."""


def rules(random: Random, number: int) -> list[tuple[Term, str]]:
    """Matches with targets; a chain jumps to later ones only."""
    made = []
    later = [f"c{each}" for each in range(number + 1, CHAINS)]
    for _ in range(RULES):
        ports = [(side, random.choice(PORTS)) for side in ("dport", "sport")]
        term = random.choice([*ports, ("udp", 0), ("tcp", 0), ("mark", random.choice(MARKS)), ("", 0)])
        targets = ["accept", "drop", "return", "return", f"mark {random.choice(MARKS)}", "ttl"]
        if later:
            targets += [f"jump {random.choice(later)}" for _ in range(4)]
            targets += [f"goto {random.choice(later)}" for _ in range(2)]
        made.append((term, random.choice(targets)))
    return made


def in_iptables(chains: list[list[tuple[Term, str]]]) -> str:
    terms = {"": "", "udp": "-p udp", "tcp": "-p tcp", "mark": "-m mark --mark {0}/{0}"}
    lines = ["*mangle", ":FORWARD DROP", *(f":c{number} -" for number in range(1, CHAINS))]
    lines.append(f"-A FORWARD -p udp -m udp --dport {SENTINEL_PORT} -j ACCEPT")
    for number, made in enumerate(chains):
        for (name, value), target in made:
            match = terms.get(name, f"-p tcp -m tcp --{name} {{0}}").format(value)
            verb, _, argument = target.partition(" ")
            action = {
                "jump": f"-j {argument}",
                "goto": f"-g {argument}",
                "mark": f"-j MARK --or-mark {argument}",
                "ttl": "-j TTL --ttl-dec 1",
            }.get(verb, f"-j {verb.upper()}")
            lines.append(f"-A {f'c{number}' if number else 'FORWARD'} {match} {action}")
    return "\n".join([*lines, "COMMIT", ""])


def in_nft(chains: list[list[tuple[Term, str]]]) -> str:
    terms = {"": "", "udp": "meta l4proto udp", "tcp": "meta l4proto tcp", "mark": "meta mark & {0} == {0}"}
    lines = ["flush ruleset", "table ip t {"]
    for number, made in reversed(list(enumerate(chains))):
        lines.append(f"chain c{number} {{")
        if not number:
            lines.append("type filter hook forward priority -150; policy drop;")
            lines.append(f"udp dport {SENTINEL_PORT} accept")
        for (name, value), target in made:
            match = terms.get(name, f"tcp {name} {{0}}").format(value)
            verb, _, argument = target.partition(" ")
            action = {"mark": f"meta mark set meta mark | {argument}", "ttl": "ip ttl set 33"}.get(
                verb, target
            )
            lines.append(f"{match} {action}")
        lines.append("}")
    return "\n".join([*lines, "}", ""])


def packet(random: Random) -> Packet:
    return Packet(
        src=ip_address("10.77.1.2"),
        dst=ip_address("10.77.2.2"),
        protocol=random.choice((6, 6, 17)),
        sport=random.choice(PORTS),
        dport=random.choice(PORTS),
        flags=TcpFlags.SYN,
        src_mac=SENDER_MAC,
        dst_mac=ROUTER_MAC,
    )


def sentinel() -> Packet:
    return Packet(
        src=ip_address("10.77.1.2"),
        dst=ip_address("10.77.2.2"),
        protocol=17,
        sport=1,
        dport=SENTINEL_PORT,
        src_mac=SENDER_MAC,
        dst_mac=ROUTER_MAC,
    )


def kernel_ttl(lab: RuleLab, receiver: socket.socket, sent: Packet) -> int | None:
    """With which TTL it comes out before the sentinel does; None if it does not."""
    lab.send(sent)
    lab.send(sentinel())
    ttl = None
    deadline = time.monotonic() + SETTLE
    while select.select([receiver], [], [], max(0.0, deadline - time.monotonic()))[0]:
        data, address = receiver.recvfrom(2048)
        if address[2] == socket.PACKET_OUTGOING:
            continue
        if int.from_bytes(data[22:24], "big") == SENTINEL_PORT:
            return ttl
        ttl = data[8]
    raise AssertionError("the sentinel did not come out")


def predicted_ttl(lab: RuleLab, ns: NetworkNamespace, sent: Packet) -> int | None:
    stack, passage = Stack(ns, Choices()), Passage(iif=lab.in_device)
    end = traverse(stack, Hook.FORWARD, sent, passage, indev=lab.in_device, outdev=lab.out_device)
    assert not stack.choices.made
    return end.packet.ttl if isinstance(end, Passed) else None


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("engine", ["iptables-legacy", "iptables-nft", "nft"])
def test_a_packet_comes_out_as_predicted(
    lab: RuleLab, receiver: socket.socket, engine: str, seed: int
) -> None:
    random = Random(seed)
    chains = [rules(random, number) for number in range(CHAINS)]
    lab.router.run("nft", "flush", "ruleset")
    lab.load("legacy", 4, "*mangle\n:FORWARD ACCEPT\nCOMMIT\n")
    if engine == "nft":
        lab.router.run("nft", "-f", "-", text=in_nft(chains))
    else:
        lab.load(engine.removeprefix("iptables-"), 4, in_iptables(chains))
    dump = collect_node("router", lab.router.path, {})
    ns = decode_namespace(dump.namespaces[0], dump.node, Place("node", dump.node))
    for _ in range(PACKETS):
        sent = packet(random)
        ttl = kernel_ttl(lab, receiver, sent)
        predicted = predicted_ttl(lab, ns, sent)
        assert predicted == (None if ttl is None else ttl + (0 if ttl == 33 else 1)), sent
