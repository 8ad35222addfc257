"""The cluster of a conformance case, and the words that the cases' policies are written in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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

NAMED_81: Fields = {
    "podSelector": {},
    "policyTypes": ["Ingress"],
    "ingress": [{"ports": [{"port": "serve-81-tcp"}]}],
}
