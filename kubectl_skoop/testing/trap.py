"""A trap: a network in one condition, and what becomes of the flows in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubectl_skoop.snapshot.dump import NodeDump
from kubectl_skoop.testing.trap_flow import parse_flow
from kubectl_skoop.testing.trap_lab import Collected, trap_lab
from kubectl_skoop.testing.trap_probes import QUIET, ask
from kubectl_skoop.testing.trap_walk import predict

PATIENT = 1.3
"""Seconds: a SYN that was lost since its kernel was kept from running is repeated meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    title: str
    network: str
    condition: str = ""
    flows: Mapping[str, str]
    """What the kernel does with each; ` | unknown` behind it where the walk must not say that it knows."""
    warm: Sequence[str] = ()
    """Flows that are sent before anything is collected; then there is time for a SYN's first repetition, as
    errors that come at once are missed by a connect() under way."""
    ipv6: bool = False


def trap(
    title: str,
    network: str,
    condition: str,
    flows: Mapping[str, str],
    *,
    warm: Sequence[str] = (),
    ipv6: bool = False,
) -> Trap:
    return Trap(title=title, network=network, condition=condition, flows=flows, warm=warm, ipv6=ipv6)


def differences(tested: Trap) -> list[str]:
    """Where the kernel, the walk and the table do not agree, in two labs one after the other: the timers of a
    lab are short, and run out where another process keeps its kernel from working."""
    found = judge(tested, *observe(tested, quiet=PATIENT if tested.warm else QUIET))
    return found and judge(tested, *observe(tested, quiet=PATIENT))


def observe(tested: Trap, *, quiet: float, settle: bool = False) -> tuple[NodeDump, list[str]]:
    """What the agent collects before the first packet, and what the kernel does with the flows.

    `settle`: for a kernel that is slower than the lab is built.
    """
    with trap_lab(tested.network, tested.condition, ipv6=tested.ipv6) as lab:
        if settle:
            lab.settle()
        ask(lab, [parse_flow(text) for text in tested.warm])
        return lab.dump(), ask(lab, [parse_flow(text) for text in tested.flows], quiet=quiet)


def judge(tested: Trap, dump: NodeDump, real: Sequence[str]) -> list[str]:
    """`real`: what the kernel did, in the order of the flows."""
    collected = Collected.of(dump)
    found = []
    for (text, expected), told in zip(tested.flows.items(), real, strict=True):
        wanted, _, unknown = expected.partition(" | ")
        if told != wanted:
            found.append(f"{text}: the kernel says {told}, the table {wanted}")
        walked = predict(collected, parse_flow(text))
        right = (all(way.startswith("unknown: ") for way in walked) if unknown else told in walked) and len(
            set(walked)
        ) == 1
        if not right:
            found.append(f"{text}: the kernel says {told}, the walk {' / '.join(walked)}")
    return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """One flow in one network: what the kernel did with it, and each way that the walk tells."""

    told: str
    walked: Sequence[str]

    @property
    def unknown(self) -> bool:
        return any(way.startswith("unknown: ") for way in self.walked)

    @property
    def agrees(self) -> bool:
        return self.unknown or self.told in self.walked


def compare(network: str, condition: str, text: str, *, ipv6: bool = False) -> Comparison:
    """Nothing else is sent, so that no other flow teaches neighbours. A second lab has the last word."""
    found = _compare(network, condition, text, ipv6, QUIET)
    return found if found.agrees else _compare(network, condition, text, ipv6, PATIENT)


def _compare(network: str, condition: str, text: str, ipv6: bool, quiet: float) -> Comparison:
    flow = parse_flow(text)
    with trap_lab(network, condition, ipv6=ipv6) as lab:
        dump = lab.dump()
        (told,) = ask(lab, [flow], quiet=quiet)
    return Comparison(told, predict(Collected.of(dump), flow))
