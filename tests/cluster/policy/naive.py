"""A second implementation of what policies mean, as plain as can be: one flow, loops, nothing compiled.

NetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy and ClusterNetworkPolicy, as they are written.
It shares no code with the engine, and knows no unknowns: priorities must differ, everything must be valid.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Written = Any
"""Objects as the API server prints them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A pod, or an address outside (without a namespace)."""

    address: str
    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    namespace_labels: dict[str, str] = field(default_factory=dict)
    host_network: bool = False
    ports: tuple[tuple[str, int, str], ...] = ()
    """Name, number, protocol."""

    @property
    def is_pod(self) -> bool:
        return bool(self.namespace) and not self.host_network


def allowed(policies: Sequence[Written], source: Side, destination: Side, port: int, protocol: str) -> bool:
    if source.name and source.name == destination.name:
        return True
    return _one_way(policies, "egress", source, destination, destination, port, protocol) and _one_way(
        policies, "ingress", destination, source, destination, port, protocol
    )


def _one_way(
    policies: Sequence[Written],
    direction: str,
    subject: Side,
    peer: Side,
    server: Side,
    port: int,
    protocol: str,
) -> bool:
    if not subject.is_pod:
        return True
    for verdict in (
        _first(_admin(policies, "Admin"), direction, subject, peer, server, port, protocol),
        _network_policies(policies, direction, subject, peer, server, port, protocol),
        _first(_admin(policies, "Baseline"), direction, subject, peer, server, port, protocol),
    ):
        if verdict is not None:
            return verdict
    return True


def _admin(policies: Iterable[Written], tier: str) -> list[Written]:
    found = []
    for policy in policies:
        kind, spec = policy["kind"], policy["spec"]
        own = {"AdminNetworkPolicy": "Admin", "BaselineAdminNetworkPolicy": "Baseline"}.get(
            kind, spec.get("tier")
        )
        if kind != "NetworkPolicy" and own == tier:
            found.append((spec.get("priority", 5000), spec))
    return [spec for _, spec in sorted(found, key=lambda entry: entry[0])]


def _first(
    specs: Sequence[Written],
    direction: str,
    subject: Side,
    peer: Side,
    server: Side,
    port: int,
    protocol: str,
) -> bool | None:
    for spec in specs:
        if not _is_member(spec["subject"], subject):
            continue
        for rule in spec.get(direction, []):
            peers = rule["from" if direction == "ingress" else "to"]
            if not any(_is_peer(one, peer) for one in peers):
                continue
            if not _on_port(rule, server, port, protocol):
                continue
            if rule["action"] == "Pass":
                return None
            return bool(rule["action"] != "Deny")
    return None


def _is_member(written: Written, side: Side) -> bool:
    if not side.is_pod:
        return False
    if "namespaces" in written:
        return _matches(written["namespaces"], side.namespace_labels)
    both = written["pods"]
    return _matches(both["namespaceSelector"], side.namespace_labels) and _matches(
        both["podSelector"], side.labels
    )


def _is_peer(written: Written, side: Side) -> bool:
    if "networks" in written:
        return any(_inside(cidr, side.address) for cidr in written["networks"])
    return _is_member(written, side)


def _on_port(rule: Written, server: Side, port: int, protocol: str) -> bool:
    if "ports" not in rule and "protocols" not in rule:
        return True
    for entry in rule.get("ports", []):
        if "portNumber" in entry:
            if entry["portNumber"] == {"protocol": protocol, "port": port}:
                return True
        elif "portRange" in entry:
            ends = entry["portRange"]
            if ends["protocol"] == protocol and ends["start"] <= port <= ends["end"]:
                return True
        elif (entry["namedPort"], port, protocol) in server.ports:
            return True
    for entry in rule.get("protocols", []):
        if "destinationNamedPort" in entry:
            if (entry["destinationNamedPort"], port, protocol) in server.ports:
                return True
        elif protocol.lower() in entry:
            wanted = entry[protocol.lower()].get("destinationPort")
            if wanted is None or wanted.get("number") == port:
                return True
            ends = wanted.get("range")
            if ends and ends["start"] <= port <= ends["end"]:
                return True
    return False


def _network_policies(
    policies: Sequence[Written],
    direction: str,
    subject: Side,
    peer: Side,
    server: Side,
    port: int,
    protocol: str,
) -> bool | None:
    selected = False
    for policy in policies:
        if policy["kind"] != "NetworkPolicy" or policy["metadata"]["namespace"] != subject.namespace:
            continue
        spec = policy["spec"]
        if direction not in _types(spec) or not _matches(spec.get("podSelector", {}), subject.labels):
            continue
        selected = True
        for rule in spec.get(direction) or []:
            peers = rule.get("from" if direction == "ingress" else "to")
            if peers and not any(_is_selected(one, peer, subject.namespace) for one in peers):
                continue
            if rule.get("ports") and not any(
                _is_on(entry, server, port, protocol) for entry in rule["ports"]
            ):
                continue
            return True
    return False if selected else None


def _types(spec: Written) -> list[str]:
    if spec.get("policyTypes"):
        return [name.lower() for name in spec["policyTypes"]]
    return ["ingress", "egress"] if spec.get("egress") else ["ingress"]


def _is_selected(written: Written, side: Side, namespace: str) -> bool:
    if "ipBlock" in written:
        block = written["ipBlock"]
        return _inside(block["cidr"], side.address) and not any(
            _inside(cidr, side.address) for cidr in block.get("except", [])
        )
    if not side.is_pod:
        return False
    if "namespaceSelector" in written:
        if not _matches(written["namespaceSelector"], side.namespace_labels):
            return False
    elif side.namespace != namespace:
        return False
    return _matches(written.get("podSelector", {}), side.labels)


def _is_on(entry: Written, server: Side, port: int, protocol: str) -> bool:
    if entry.get("protocol", "TCP") != protocol:
        return False
    wanted = entry.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return (wanted, port, protocol) in server.ports
    return bool(wanted <= port <= entry.get("endPort", wanted))


def _inside(cidr: str, address: str) -> bool:
    network, known = ip_network(cidr), ip_address(address)
    return network.version == known.version and known in network


def _matches(selector: Written, labels: dict[str, str]) -> bool:
    return all(_requirements(selector, labels))


def _requirements(selector: Written, labels: dict[str, str]) -> Iterator[bool]:
    for key, value in selector.get("matchLabels", {}).items():
        yield labels.get(key) == value
    for entry in selector.get("matchExpressions", []):
        key = entry["key"]
        match entry["operator"]:
            case "In":
                yield key in labels and labels[key] in entry["values"]
            case "NotIn":
                yield key not in labels or labels[key] not in entry["values"]
            case "Exists":
                yield key in labels
            case _:
                yield key not in labels
