"""What is sent through a router with some rules, asked of the kernel and of the model."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.conntrack_types import Tuple
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.netns import Namespace
from tests.kernel.router import (
    ACK,
    SERVER,
    VIP,
    Again,
    Answer,
    Kernel,
    Model,
    Output,
    Send,
    Step,
    clear,
    collected,
    comparable,
    play,
    tcp,
)

NAT = "*nat\n{}\nCOMMIT\n"
FILTER = "*filter\n{}\nCOMMIT\n"
TO_VIP = (Send(tcp(dst=VIP, dport=8080)), Answer(), Again(ACK))
DNAT = f"-A PREROUTING -d {VIP}/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination {SERVER}:80"
MASQUERADE = "-A POSTROUTING -o out0 -j MASQUERADE"


@dataclass(frozen=True)
class Case:
    name: str
    steps: Sequence[Step]
    native: str = ""
    """See `ruleset`."""
    both: str = ""
    """iptables-restore text, loaded by each back end in turn."""
    both6: str = ""
    setup: Sequence[str] = field(default_factory=tuple)


def ruleset(text: str) -> str:
    """A file of nft: `base NAME TYPE HOOK PRIORITY [POLICY]` stands for a chain with its first line."""
    lines: list[str] = []
    depth = 0
    for line in filter(None, text.splitlines()):
        kind, *words = line.split()
        if kind in ("table", "chain", "base"):
            level = 0 if kind == "table" else 1
            lines += ["}"] * (depth - level)
            depth = level + 1
            lines.append(
                f"{kind if kind == 'table' else 'chain'} {' '.join(words if level == 0 else words[:1])} {{"
            )
            if kind == "base":
                policy = words[4] if len(words) > 4 else "accept"
                lines.append(f"type {words[1]} hook {words[2]} priority {words[3]}; policy {policy};")
        else:
            lines.append(line)
    return "\n".join([*lines, *["}"] * depth, ""])


Entry = tuple[Tuple, Tuple, int, str, int, int]
_COMPARED = conntrack.IPS_SEEN_REPLY | conntrack.IPS_ASSURED | conntrack.IPS_NAT_MASK


def kernel_entries(router: Namespace) -> set[Entry]:
    return {
        (each.original, each.reply, each.status & _COMPARED, each.tcp_state, each.mark, each.zone)
        for each in collected(router).conntrack
    }


def model_entries(stack: Stack) -> set[Entry]:
    return {
        (each.original, each.reply, each.status & _COMPARED, each.tcp_state, each.mark, each.zone)
        for each in stack.connections
        if not each.dead
    }


def shown(outputs: Sequence[Output | None], *, ports: bool) -> list[tuple[str, Packet | None] | None]:
    return [each and (each[0], comparable(each[1], ports=ports)) for each in outputs]


def runs(cases: Sequence[Case]) -> list[object]:
    """Parameters `case` and `engine`: each case with the back ends that its rules are loaded by."""
    return [
        pytest.param(case, engine, id=f"{case.name} [{engine}]")
        for case in cases
        for engine in (("legacy", "nft") if case.both or case.both6 else ("nft",))
    ]


def judge(kernel: Kernel, case: Case, engine: str) -> None:
    """Fail where packets or connections differ from what the model says of the same rules."""
    router = kernel.lab.router
    clear(router)
    router.set_sysctls({"net.netfilter.nf_conntrack_tcp_loose": 1})
    for setting in case.setup:
        name, value = setting.split("=")
        router.set_sysctls({name: value})
    for family, text in ((4, case.both), (6, case.both6)):
        if text:
            kernel.lab.load(engine, family, text)
    if case.native:
        router.run("nft", "-f", "-", text=ruleset(case.native))
    ns = collected(router)
    stack = Stack(ns, Choices())
    model = Model(stack, {"client": kernel.lab.in_device, "server": kernel.lab.out_device})
    predicted = play(model, case.steps)
    assert not stack.choices.made, stack.choices.made
    real = play(kernel, case.steps)
    exact = not any(each.symbolic_port for each in stack.connections)
    assert shown(predicted, ports=exact) == shown(real, ports=exact), "\n".join(
        f"{step.kind} {step.where} {step.text} | {step.effect}" for step in stack.trace
    )
    if exact:
        assert model_entries(stack) == kernel_entries(router)
