"""The cases of the conformance generator of NetworkPolicy (cyclonus), written anew, step by step.

Nine pods a, b, c in the namespaces x, y, z serve TCP, UDP and SCTP on 80 and 81, each port with a name. What
is expected is in tests/data/policy-conformance.json: of each step the flows that are denied, as bits.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from tests.cluster.policy.conformance_cluster import (
    DNS,
    IN_AB,
    IN_BC,
    IN_XY,
    IN_YZ,
    LABEL_A,
    LABEL_C,
    NAMED_81,
    NS_X,
    PORTS,
    PROTOCOLS,
    TCP_80,
    Case,
    Change,
)
from tests.cluster.policy.conformance_conflicts import conflicts
from tests.cluster.policy.conformance_upstream import upstream
from tests.cluster.policy.world import Fields


def base(**more: object) -> Fields:
    """The policy that most cases change in one place: pods a of x, both directions."""
    ingress: list[Fields] = [
        {"ports": [TCP_80], "from": [{"podSelector": IN_BC, "namespaceSelector": IN_XY}]}
    ]
    egress: list[Fields] = [
        {"ports": [TCP_80], "to": [{"podSelector": IN_AB, "namespaceSelector": IN_YZ}]},
        DNS,
    ]
    spec: Fields = {
        "podSelector": LABEL_A,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress,
        "egress": egress,
    }
    return {**spec, **more}


def with_peers(direction: str, peers: Sequence[Fields]) -> Fields:
    return _first_rule(direction, "from" if direction == "ingress" else "to", peers)


def with_ports(direction: str, ports: Sequence[Fields]) -> Fields:
    return _first_rule(direction, "ports", ports)


def _first_rule(direction: str, key: str, value: object) -> Fields:
    rules = base()[direction]
    assert isinstance(rules, list)
    return base(**{direction: [{**rules[0], key: value}, *rules[1:]]})


def _once(name: str, spec: Fields, key: str = "x/base") -> Case:
    return name, [Change(policies={key: spec})]


def cases() -> Iterator[Case]:
    """In the generator's order."""
    yield from _targets()
    yield from _rules()
    yield from _peers()
    yield from _ports()
    yield from _example()
    yield from _actions()
    yield from conflicts()
    for direction in ("ingress", "egress"):
        peer: Fields = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "z"}}}
        yield _once(f"{direction} by the label that each namespace has", with_peers(direction, [peer]))
    yield from upstream()


def _targets() -> Iterator[Case]:
    for space in "xyz":
        yield _once(f"a policy in namespace {space}", base(), f"{space}/base")
    for name, selector in (("all pods", {}), ("pods a", LABEL_A), ("pods a and b", IN_AB)):
        yield _once(f"a policy that selects {name}", base(podSelector=selector))


def _rules() -> Iterator[Case]:
    for direction in ("egress", "ingress"):
        yield _once(f"{direction} without rules", base(**{direction: []}))
        yield _once(f"{direction} with an empty rule", base(**{direction: [{}]}))


PEERS: dict[str, Fields] = {
    "all pods of the namespace": {"podSelector": {}},
    "pods c of the namespace": {"podSelector": LABEL_C},
    "all namespaces": {"namespaceSelector": {}},
    "all pods of all namespaces": {"podSelector": {}, "namespaceSelector": {}},
    "pods c of all namespaces": {"podSelector": LABEL_C, "namespaceSelector": {}},
    "namespace x": {"namespaceSelector": NS_X},
    "all pods of namespace x": {"podSelector": {}, "namespaceSelector": NS_X},
    "pods c of namespace x": {"podSelector": LABEL_C, "namespaceSelector": NS_X},
    "a block": {"ipBlock": {"cidr": "10.0.0.0/24"}},
    "a block with an exception": {"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.0.32/28"]}},
}


def _peers() -> Iterator[Case]:
    both = ("ingress", "egress")
    for direction in both:
        yield _once(f"{direction} without peers", with_peers(direction, []))
    for direction in both:
        for name, peer in PEERS.items():
            yield _once(f"{direction}: {name}", with_peers(direction, [peer]))
    for direction in both:
        for one, other in combinations(PEERS, 2):
            yield _once(f"{direction}: {one}, {other}", with_peers(direction, [PEERS[one], PEERS[other]]))


def _port_entries() -> Iterator[Fields]:
    for protocol in (None, *PROTOCOLS):
        for port in (None, *PORTS):
            entry: Fields = {"protocol": protocol, "port": port}
            yield {key: value for key, value in entry.items() if value is not None}
    for protocol in PROTOCOLS:
        for port in PORTS:
            yield {"protocol": protocol, "port": f"serve-{port}-{protocol.lower()}"}
    for protocol in PROTOCOLS:
        for end in (80, 84):
            yield {"protocol": protocol, "port": 53, "endPort": end}


PATHOLOGICAL: dict[str, Fields] = {
    "a name that serves another protocol": {"protocol": "TCP", "port": "serve-81-udp"},
    "a name that nobody serves": {"protocol": "TCP", "port": "serve-7981-udp"},
    "a number that nobody serves": {"protocol": "TCP", "port": 7981},
}
TWO_PORTS: tuple[tuple[Fields, Fields], ...] = (
    ({}, {"port": 80}),
    ({}, {"port": "serve-80-tcp"}),
    ({}, {"protocol": "UDP"}),
    ({"port": 80}, {"port": 81}),
    ({"port": 80}, {"port": "serve-81-tcp"}),
    ({"port": 80}, {"protocol": "UDP", "port": "serve-81-udp"}),
    ({"protocol": "UDP", "port": 80}, {"protocol": "UDP", "port": "serve-81-udp"}),
)


def _shown(entry: Fields) -> str:
    return " ".join(map(str, entry.values())) or "no field"


def _ports() -> Iterator[Case]:
    both = ("egress", "ingress")
    for direction in both:
        yield _once(f"{direction} without ports", with_ports(direction, []))
    for direction in both:
        for entry in _port_entries():
            yield _once(f"{direction}: port {_shown(entry)}", with_ports(direction, [entry]))
        for name, entry in PATHOLOGICAL.items():
            yield _once(f"{direction}: {name}", with_ports(direction, [entry]))
    for direction in both:
        for pair in TWO_PORTS:
            yield _once(
                f"{direction}: ports {_shown(pair[0])}, {_shown(pair[1])}", with_ports(direction, list(pair))
            )


def _example() -> Iterator[Case]:
    yield (
        "one named port, while a namespace comes and goes",
        [
            Change(policies={"x/allow-all": NAMED_81}),
            Change(namespaces={"w": {"ns": "w"}}, pods={"w/a": {"pod": "a"}}),
            Change(pods={"w/a": None}),
            Change(namespaces={"w": None}),
        ],
    )


def _actions() -> Iterator[Case]:
    start = Change(policies={"x/base": base()})
    yield "a policy comes and goes", [start, Change(policies={"x/base": None})]
    named = with_ports("ingress", [{"protocol": "UDP", "port": "serve-81-udp"}])
    yield "a policy is changed", [start, Change(policies={"x/base": named})]
    second = {"y-2/a": {"pod": "a"}, "y-2/b": {"pod": "b"}}
    yield (
        "a namespace comes and goes",
        [start, Change(namespaces={"y-2": {"ns": "y"}}, pods={**second}), Change(namespaces={"y-2": None})],
    )
    by_label: Fields = {"namespaceSelector": {"matchLabels": {"new-ns": "qrs"}}}
    yield (
        "a namespace gets the label that a rule wants, and loses it",
        [
            Change(policies={"x/base": with_peers("ingress", [by_label])}),
            Change(namespaces={"y": {"ns": "y", "new-ns": "qrs"}}),
            Change(namespaces={"y": {"ns": "y"}}),
        ],
    )
    yield "a pod comes and goes", [start, Change(pods={"x/d": {"pod": "d"}}), Change(pods={"x/d": None})]
    by_pod: Fields = {
        "podSelector": {"matchLabels": {"new-label": "abc"}},
        "namespaceSelector": IN_YZ,
    }
    yield (
        "a pod gets the label that a rule wants, and loses it",
        [
            Change(policies={"x/base": with_peers("ingress", [by_pod])}),
            Change(pods={"y/b": {"pod": "b", "new-label": "abc"}}),
            Change(pods={"y/b": {"pod": "b"}}),
        ],
    )
