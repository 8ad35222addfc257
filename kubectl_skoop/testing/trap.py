"""A trap: a network in one condition, and what becomes of the flows in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from kubectl_skoop.testing.trap_lab import trap_lab
from kubectl_skoop.testing.trap_probes import ask, parse_flow, predict


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    title: str
    network: str
    condition: str = ""
    flows: Mapping[str, str]
    """What the kernel does with each; ` | unknown` behind it where the walk must not say that it knows."""
    ipv6: bool = False


def trap(title: str, network: str, condition: str, flows: Mapping[str, str], *, ipv6: bool = False) -> Trap:
    return Trap(title=title, network=network, condition=condition, flows=flows, ipv6=ipv6)


def differences(tested: Trap) -> list[str]:
    """Where the kernel, the walk and the table do not agree. Collected before the first packet."""
    flows = [parse_flow(text) for text in tested.flows]
    with trap_lab(tested.network, tested.condition, ipv6=tested.ipv6) as lab:
        collected = lab.collect()
        real = ask(lab, flows)
    found = []
    for (text, expected), flow, told in zip(tested.flows.items(), flows, real, strict=True):
        wanted, _, unknown = expected.partition(" | ")
        if told != wanted:
            found.append(f"{text}: the kernel says {told}, the table {wanted}")
        walked = predict(collected, flow)
        right = (all(way.startswith("unknown: ") for way in walked) if unknown else told in walked) and len(
            set(walked)
        ) == 1
        if not right:
            found.append(f"{text}: the kernel says {told}, the walk {' / '.join(walked)}")
    return found
