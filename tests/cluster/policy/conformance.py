"""The cases of the conformance generator of NetworkPolicy (cyclonus), written anew, step by step.

Nine pods a, b, c in the namespaces x, y, z serve TCP, UDP and SCTP on 80 and 81, each port with a name. What
is expected is in tests/data/policy-conformance.json: of each step the flows that are denied, as bits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeVar

from kubectl_skoop.cluster.objects import Object
from tests.cluster.policy.world import Fields, World, namespace, pod, policy

PROTOCOLS = ("TCP", "UDP", "SCTP")
PORTS = (80, 81)
SERVED = tuple((f"serve-{port}-{name.lower()}", port, name) for port in PORTS for name in PROTOCOLS)
ADDRESSES = {
    "x/a": "10.0.0.5",
    "x/b": "10.0.1.6",
    "x/c": "10.0.0.7",
    "y/a": "10.0.0.20",
    "y/b": "10.0.0.21",
    "y/c": "10.0.0.22",
    "z/a": "10.0.0.36",
    "z/b": "10.0.0.37",
    "z/c": "10.0.0.38",
    "y-2/a": "10.0.2.1",
    "y-2/b": "10.0.2.2",
    "x/d": "10.0.0.8",
    "w/a": "10.0.3.1",
}


@dataclass(slots=True)
class State:
    """The cluster of one case."""

    namespaces: dict[str, dict[str, str]] = field(
        default_factory=lambda: {name: {"ns": name} for name in "xyz"}
    )
    pods: dict[str, dict[str, str]] = field(
        default_factory=lambda: {f"{space}/{name}": {"pod": name} for space in "xyz" for name in "abc"}
    )
    policies: dict[str, Fields] = field(default_factory=dict)

    def world(self) -> World:
        objects: list[Object] = [namespace(name, **labels) for name, labels in self.namespaces.items()]
        objects += [pod(name, ADDRESSES[name], labels, SERVED) for name, labels in self.pods.items()]
        objects += [policy("NetworkPolicy", name, spec) for name, spec in self.policies.items()]
        return World(objects)


@dataclass(slots=True)
class Change:
    """One step: None as a value takes something away."""

    policies: dict[str, Fields | None] = field(default_factory=dict)
    namespaces: dict[str, dict[str, str] | None] = field(default_factory=dict)
    pods: dict[str, dict[str, str] | None] = field(default_factory=dict)

    def apply(self, state: State) -> None:
        for name, spec in self.policies.items():
            state.policies = _put(state.policies, name, spec)
        for name, labels in self.namespaces.items():
            state.namespaces = _put(state.namespaces, name, labels)
            if labels is None:
                state.pods = {
                    key: value for key, value in state.pods.items() if not key.startswith(f"{name}/")
                }
        for name, labels in self.pods.items():
            state.pods = _put(state.pods, name, labels)


V = TypeVar("V")


def _put(known: dict[str, V], name: str, value: V | None) -> dict[str, V]:
    rest = {key: kept for key, kept in known.items() if key != name or value is not None}
    return rest if value is None else {**rest, name: value}


Case = tuple[str, Sequence[Change]]

LABEL_A: Fields = {"matchLabels": {"pod": "a"}}
LABEL_C: Fields = {"matchLabels": {"pod": "c"}}
NS_X: Fields = {"matchLabels": {"ns": "x"}}
NS_Y: Fields = {"matchLabels": {"ns": "y"}}
DNS: Fields = {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}


def one_of(key: str, *values: str) -> Fields:
    return {"matchExpressions": [{"key": key, "operator": "In", "values": list(values)}]}


IN_AB, IN_BC = one_of("pod", "a", "b"), one_of("pod", "b", "c")
IN_XY, IN_YZ = one_of("ns", "x", "y"), one_of("ns", "y", "z")
TCP_80: Fields = {"protocol": "TCP", "port": 80}


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
    yield from _conflicts()
    for direction in ("ingress", "egress"):
        peer: Fields = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "z"}}}
        yield _once(f"{direction} by the label that each namespace has", with_peers(direction, [peer]))
    yield from _upstream()


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


NAMED_81: Fields = {
    "podSelector": {},
    "policyTypes": ["Ingress"],
    "ingress": [{"ports": [{"port": "serve-81-tcp"}]}],
}


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


def _conflicts() -> Iterator[Case]:
    """Two policies that pull in different directions. An egress policy goes with one that allows DNS."""
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


def _ingress(selector: Fields, *rules: Fields) -> Fields:
    return {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": list(rules)}


def _upstream() -> Iterator[Case]:
    """Those that Kubernetes' own end-to-end tests have."""
    yield "all ingress is denied", [Change(policies={"x/deny-ingress": _ingress({})})]
    both: Fields = {
        "podSelector": {},
        "policyTypes": ["Egress", "Ingress"],
        "ingress": [],
        "egress": [DNS],
    }
    yield "all but DNS is denied", [Change(policies={"x/deny-all-allow-dns": both})]
    not_x: Fields = {"matchExpressions": [{"key": "ns", "operator": "NotIn", "values": ["x"]}]}
    yield (
        "pods b and c of every namespace but one",
        [
            Change(
                policies={
                    "x/others": _ingress(
                        LABEL_A, {"from": [{"namespaceSelector": not_x, "podSelector": IN_BC}]}
                    )
                }
            )
        ],
    )
    on_port = {
        port: _ingress(
            LABEL_A,
            {"from": [{"namespaceSelector": NS_Y}], "ports": [{"port": port, "protocol": "TCP"}]},
        )
        for port in PORTS
    }
    yield (
        "a second policy adds a port",
        [
            Change(policies={"x/on-81": on_port[81]}),
            Change(),
            Change(policies={"x/on-80": on_port[80]}),
        ],
    )
    yield "everything is allowed", [Change(policies={"x/allow-all": _ingress({}, {})}), Change()]
    yield "one named port", [Change(policies={"x/allow-all": NAMED_81}), Change()]
    yield (
        "from everything to nothing",
        [
            Change(policies={"x/changed": _ingress({}, {})}),
            Change(policies={"x/changed": _ingress({})}),
        ],
    )
    updated: Fields = {"namespaceSelector": {"matchLabels": {"ns2": "updated"}}}
    yield (
        "a namespace that gets its label later",
        [
            Change(policies={"x/later": _ingress(LABEL_A, {"from": [updated]})}),
            Change(namespaces={"y": {"ns": "y", "ns2": "updated"}}),
        ],
    )
    labelled: Fields = {"podSelector": {"matchLabels": {"pod": "b", "pod2": "updated"}}}
    yield (
        "a pod that gets its label later",
        [
            Change(policies={"x/later": _ingress(LABEL_A, {"from": [labelled]})}),
            Change(pods={"x/b": {"pod": "b", "pod2": "updated"}}),
        ],
    )
    yield (
        "a pod that becomes selected later",
        [
            Change(policies={"x/isolated": _ingress({"matchLabels": {"target": "isolated"}})}),
            Change(pods={"x/a": {"target": "isolated"}}),
        ],
    )
    together: Fields = {
        "podSelector": LABEL_A,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"pod": "b"}}}]}],
        "egress": [{"ports": [{"port": 80}, {"protocol": "UDP", "port": 53}]}],
    }
    yield "ingress and egress in one policy", [Change(policies={"x/both": together}), Change()]
    to_y: Fields = {
        "podSelector": LABEL_A,
        "policyTypes": ["Egress"],
        "egress": [
            {"to": [{"namespaceSelector": NS_Y, "podSelector": LABEL_A}]},
            {"ports": [{"protocol": "UDP", "port": 53}]},
        ],
    }
    from_x: Fields = {"from": [{"namespaceSelector": NS_X, "podSelector": LABEL_A}]}
    yield (
        "denied by the sender what the receiver allows",
        [
            Change(
                policies={
                    "x/to-y-a": to_y,
                    "y/on-a": _ingress(LABEL_A, from_x),
                    "y/on-b": _ingress({"matchLabels": {"pod": "b"}}, from_x),
                }
            )
        ],
    )
    closed: Fields = {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [],
    }
    yield (
        "a policy that is deleted has no effect any more",
        [Change(policies={"x/deny-all": closed}), Change(policies={"x/deny-all": None})],
    )
