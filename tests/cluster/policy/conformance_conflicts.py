"""Conformance cases: two policies that pull in different directions."""

from collections.abc import Iterator, Sequence

from tests.cluster.policy.conformance_cluster import DNS, Case, Change
from tests.cluster.policy.world import Fields

ALL_PODS: list[Fields] = [{"peers": [{"namespaceSelector": {}}]}]
ALL_ADDRESSES: list[Fields] = [{"peers": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]
NO_PODS: list[Fields] = [
    {"peers": [{"namespaceSelector": {"matchLabels": {"this-will-never-happen": "qrs123"}}}]}
]
NO_ADDRESSES: list[Fields] = [{"peers": [{"ipBlock": {"cidr": "0.0.0.0/31"}}]}]
SOURCE, DESTINATION = ("x", "b"), ("y", "c")


def _side(direction: str, rules: Sequence[Fields], target: tuple[str, str], name: str) -> dict[str, Fields]:
    word = "from" if direction == "ingress" else "to"
    space, label = target
    written = [{word: rule["peers"]} if rule else {} for rule in rules]
    return {
        f"{space}/{name}": {
            "podSelector": {"matchLabels": {"pod": label}},
            "policyTypes": [direction.capitalize()],
            direction: written,
        }
    }


def conflicts() -> Iterator[Case]:
    """An egress policy goes with one that allows DNS."""
    dns: dict[str, Fields] = {
        "x/allow-dns": {
            "podSelector": {"matchLabels": {"pod": "b"}},
            "policyTypes": ["Egress"],
            "egress": [DNS],
        }
    }
    nothing: list[Fields] = []
    everything: list[Fields] = [{}]
    for name, out, come in (
        ("sender denied, receiver allowed", nothing, everything),
        ("sender allowed, receiver denied", everything, nothing),
    ):
        yield (
            name,
            [
                Change(
                    policies={
                        **_side("egress", out, SOURCE, "out"),
                        **_side("ingress", come, DESTINATION, "in"),
                        **dns,
                    }
                )
            ],
        )
    pairs = {
        "nothing and everything": (nothing, everything),
        "nothing and all pods": (nothing, ALL_PODS),
        "nothing and all addresses": (nothing, ALL_ADDRESSES),
        "no address and all pods": (NO_ADDRESSES, ALL_PODS),
        "no pods and all addresses": (NO_PODS, ALL_ADDRESSES),
    }
    order = [
        ("egress", 0),
        ("ingress", 0),
        *(("egress", at) for at in range(1, 5)),
        *(("ingress", at) for at in range(1, 5)),
    ]
    for direction, at in order:
        name, (one, other) = list(pairs.items())[at]
        target = DESTINATION if (direction, at) == ("ingress", 0) else SOURCE
        more = dns if direction == "egress" else {}
        yield (
            f"{direction}: {name}",
            [
                Change(
                    policies={
                        **_side(direction, one, target, "one"),
                        **_side(direction, other, target, "two"),
                        **more,
                    }
                )
            ],
        )
    for direction, more in (("egress", dns), ("ingress", {})):
        for name, rules in (("no address", NO_ADDRESSES), ("no pods", NO_PODS)):
            yield (
                f"{direction}: {name}",
                [Change(policies={**_side(direction, rules, SOURCE, "one"), **more})],
            )
