"""Random rules of iptables-nft and of native tables at all hooks: a packet meets those that are traced.

Every rule that can match changes the mark or ends a chain, so that the walk tells it.
"""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from random import Random

import pytest

from kubectl_skoop.model.packet import Packet, Protocol, TcpFlags
from kubectl_skoop.model.trace import Trace
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.stack import Journey, Stack
from kubectl_skoop.testing.rule_lab import FAR_NET, NET
from tests.kernel import test_iptables_rules, test_nft_rules
from tests.kernel.nft_trace import Met, Tracer, traced
from tests.kernel.router import (
    ACK,
    PATIENCE,
    SYN,
    Kernel,
    Model,
    Output,
    back,
    clear,
    collected,
    comparable,
    framed,
    real_router,
)
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

CONVERSATIONS = 12 * VOLUME
PORTS = (22, 53, 80, 443, 8080)
HOOKS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED")
RULES_A_CHAIN, USER_CHAINS = 6, 3
PRIORITIES = (-310, -250, -160, -120, -90, -10, 10, 60, 90, 110, 310)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with real_router() as made:
        yield made


def host(random: Random, net: dict[int, str], family: int) -> str:
    return f"{net[family]}{'.' if family == 4 else ':'}{random.randint(2, 4)}"


def xt_plain_match(random: Random, family: int, chain: str) -> str:
    """The kernel refuses `mac` where a packet of its own may come."""
    while "-m mac" in (match := test_iptables_rules.any_match(random, family)):
        if chain in ("PREROUTING", "INPUT", "FORWARD"):
            break
    return match


def xt_match(random: Random, family: int, table: str, chain: str) -> str:
    state = ",".join(random.sample(STATES, random.randint(1, 2)))
    kinds = [
        xt_plain_match(random, family, chain),
        test_iptables_rules.address_option(random, family),
        test_iptables_rules.with_protocol(random, family, fragments=True),
        f"-m set {random.choice(('', '! '))}--match-set hosts{family} {random.choice(('src', 'dst'))}",
        f"-m set --match-set ports{family} {random.choice(('src,dst', 'dst,dst', 'dst,src'))}",
    ]
    if table != "raw":
        kinds += [f"-m conntrack {random.choice(('', '! '))}--ctstate {state}", f"-m state --state {state}"]
    return random.choice(kinds)


def xt_nat(random: Random, family: int, chain: str) -> str:
    def at(address: str, port: int) -> str:
        return f"{address}:{port}" if family == 4 else f"[{address}]:{port}"

    if chain in ("PREROUTING", "OUTPUT"):
        target = at(host(random, FAR_NET, family), random.choice(PORTS))
        return f"-p tcp -m tcp --dport {random.choice(PORTS)} -j DNAT --to-destination {target}"
    if chain == "POSTROUTING":
        return random.choice(
            ("-o out0 -j MASQUERADE", f"-o out0 -j SNAT --to-source {host(random, FAR_NET, family)}")
        )
    return "-j ACCEPT"


def xt_rules(random: Random, family: int) -> str:
    lines = []
    for table, hooks in HOOKS.items():
        chains = [*hooks, *(f"{table}-{number}" for number in range(USER_CHAINS))]
        lines += [f"*{table}", *(f":{chain} - [0:0]" for chain in chains[len(hooks) :])]
        if table == "raw" and random.random() < 0.3:
            lines.append(f"-A PREROUTING {xt_match(random, family, table, 'PREROUTING')} -j CT --notrack")
        for place, chain in enumerate(chains):
            later = chains[max(place + 1, len(hooks)) :]
            for _ in range(random.randint(0, RULES_A_CHAIN)):
                lines.append(f"-A {chain} {xt_rule(random, family, table, chain, later)}")
        lines.append("COMMIT")
    return "\n".join([*lines, ""])


def xt_rule(random: Random, family: int, table: str, chain: str, later: list[str]) -> str:
    match = xt_match(random, family, table, chain)
    if table == "nat" and random.random() < 0.5 and not chain.startswith("nat"):
        return xt_nat(random, family, chain)
    change = f"-j MARK --xor-mark 0x{random.randint(1, 15):x}"
    jumps = [f"-j {random.choice(later)}", f"-g {random.choice(later)}"] if later else []
    target = random.choice((change, change, change, *jumps, "-j RETURN", "-j ACCEPT"))
    if random.random() < 0.03 and table != "nat":
        target = "-j DROP"
    return f"{match} {target}"


def native_tables(random: Random, family: int) -> str:
    lines = []
    for table in ("inet", "ip" if family == 4 else "ip6"):
        lines += [f"table {table} t {{", "chain last {", *native_rules(random, table, family, ()), "}"]
        lines += ["chain user {", *native_rules(random, table, family, ("last",)), "}"]
        for number, priority in enumerate(random.sample(PRIORITIES, 6)):
            hook = random.choice(("prerouting", "forward", "postrouting", "input", "output"))
            lines.append(f"chain c{number} {{ type filter hook {hook} priority {priority};")
            lines += [*native_rules(random, table, family, ("user", "last")), "}"]
        for hook, priority in (("prerouting", -101), ("postrouting", 99)):
            lines.append(f"chain {hook} {{ type nat hook {hook} priority {priority};")
            lines += [*native_nat(random, table, family, hook), "}"]
        lines.append("}")
    return "\n".join([*lines, ""])


def native_rules(random: Random, table: str, family: int, later: tuple[str, ...]) -> list[str]:
    rules = []
    for _ in range(random.randint(0, RULES_A_CHAIN)):
        match = nft_match(random, family)
        change = f"meta mark set meta mark ^ 0x{random.randint(1, 15):x}"
        jumps = [f"{random.choice(('jump', 'goto'))} {name}" for name in later]
        verdict = random.choice((change, change, change, *jumps, "return", "accept"))
        if later and random.random() < 0.1:
            match = ""
            verdict = f"meta l4proto vmap {{ udp : return, tcp : jump {later[0]}, 99 : goto {later[-1]} }}"
        rules.append(f"{match} {'drop' if random.random() < 0.03 else verdict}")
    return rules


def native_nat(random: Random, table: str, family: int, hook: str) -> list[str]:
    ip = "ip" if family == 4 else "ip6"
    to = f" {ip}" if table == "inet" else ""
    address = host(random, FAR_NET, family)
    if hook == "postrouting":
        found = (f"snat{to} to {address}", "masquerade", f"meta l4proto udp snat{to} to {address}")
        return [f"{ip} saddr {host(random, NET, family)} {random.choice(found)}"]
    at = f"{address}:{random.choice(PORTS)}" if family == 4 else f"[{address}]:{random.choice(PORTS)}"
    ports = ", ".join(f"{port} : {host(random, FAR_NET, family)}" for port in PORTS)
    return [
        random.choice(
            (
                f"tcp dport {random.choice(PORTS)} dnat{to} to {at}",
                f"{ip} daddr {address} dnat{to} to udp dport map {{ {ports} }}",
                f"{ip} daddr {address} tcp dport {random.choice(PORTS)} redirect to :81",
            )
        )
        for _ in range(random.randint(0, 2))
    ]


def nft_match(random: Random, family: int) -> str:
    """None that reads the place of a port where there is none: that is unknown."""
    while "th " in (match := test_nft_rules.any_match(random, family, tracked=True)):
        pass
    return match


def sets(random: Random) -> str:
    lines = []
    for family in (4, 6):
        kind = "inet" if family == 4 else "inet6"
        lines += [
            f"create hosts{family} hash:ip family {kind}",
            f"create ports{family} hash:ip,port family {kind}",
        ]
        for _ in range(4):
            address = host(random, random.choice((NET, FAR_NET)), family)
            lines.append(f"add hosts{family} {address} -exist")
            lines.append(f"add ports{family} {address},tcp:{random.choice(PORTS)} -exist")
    return "\n".join([*lines, ""])


def first_packet(random: Random, family: int) -> Packet:
    icmp = Protocol.ICMP if family == 4 else Protocol.ICMPV6
    protocol = random.choice((Protocol.TCP, Protocol.TCP, Protocol.TCP, Protocol.UDP, icmp, 99))
    has_ports = protocol in (Protocol.TCP, Protocol.UDP)
    return Packet(
        src=ip_address(host(random, NET, family)),
        dst=ip_address(host(random, FAR_NET, family)),
        protocol=protocol,
        sport=random.randint(1024, 60000) if has_ports else 0,
        dport=random.choice(PORTS) if has_ports else 0,
        flags=random.choice((SYN, SYN, SYN, ACK, SYN | ACK)) if protocol == Protocol.TCP else TcpFlags(0),
        icmp_type=(8 if family == 4 else 128) if protocol == icmp else 0,
        icmp_id=random.randint(1, 60000) if protocol == icmp else 0,
        length=random.choice((100, 200, 640)),
        ttl=random.choice((62, 63, 64, 255)),
        tos=random.choice((0, 0x10, 0xB8)),
    )


def walked(trace: list[Trace], family: int) -> tuple[Met, ...]:
    ip = "ip" if family == 4 else "ip6"
    return tuple(
        Met(
            step.where.table if step.tool == "nft" else f"{ip} {step.where.table}",
            step.where.chain,
            step.where.rule if step.kind == "rule" else 0,
        )
        for step in trace
        if step.kind in ("rule", "policy")
    )


def ask(kernel: Kernel, tracer: Tracer, model: Model, side: str, packet: Packet, text: str) -> Output | None:
    """One packet in both worlds, without the rules that an answer of the router meets."""
    model.stack.journey = journey = Journey()
    predicted = model.send(side, framed(side, packet))
    real = kernel.send(side, packet, PATIENCE) if predicted else kernel.send(side, packet)
    assert not model.stack.choices.made, model.stack.choices.made
    told, expected = tracer.met(packet.family)[0], walked(journey.trace, packet.family)
    same = next(
        (place for place, pair in enumerate(zip(told, expected, strict=False)) if pair[0] != pair[1]), -1
    )
    assert told == expected, f"{side}: {packet}\nfrom rule {same} on: {told}\n{expected}\n{text}"
    if model.delivered:
        return None
    came, foreseen = (each and (each[0], comparable(each[1])) for each in (real, predicted))
    assert came == foreseen, f"{side}: {packet}\n{came}\n{foreseen}\n{text}"
    return predicted


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("family", [4, 6])
def test_a_packet_meets_the_rules_that_the_kernel_traces(kernel: Kernel, family: int, seed: int) -> None:
    random = Random(f"trace-{family}-{seed}")
    router = kernel.lab.router
    clear(router)
    router.run("ipset", "destroy")
    router.run("ipset", "restore", text=sets(random))
    rules, native = xt_rules(random, family), native_tables(random, family)
    kernel.lab.load("nft", family, rules)
    router.run("nft", "-f", "-", text=native)
    stack = Stack(collected(router), Choices())
    model = Model(stack, {"client": kernel.lab.in_device, "server": kernel.lab.out_device})
    text = f"{rules}\n{native}"
    try:
        with traced(router) as tracer:
            for _ in range(CONVERSATIONS):
                first = first_packet(random, family)
                arrived = ask(kernel, tracer, model, "client", first, text)
                if arrived and arrived[0] == "server":
                    ask(kernel, tracer, model, "server", back(arrived[1], SYN | ACK), text)
                    ask(
                        kernel,
                        tracer,
                        model,
                        "client",
                        replace(first, flags=ACK if first.flags else first.flags),
                        text,
                    )
    finally:
        clear(router)
        router.run("ipset", "destroy")
