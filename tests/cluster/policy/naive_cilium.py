"""A second implementation of what Cilium's policies mean on layers 3 and 4: one flow, loops.

Written after docs.cilium.io (network policy, layers 3 and 4, deny policies, default deny), without the
engine's code. For pods and addresses outside; it knows no unknowns: everything must be valid.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.cluster.policy import naive
from tests.cluster.policy.naive import Side

Written = Any
SPACE = "k8s:io.kubernetes.pod.namespace"
SPACE_LABELS = "k8s:io.cilium.k8s.namespace.labels."


class Cilium:
    """`policies`: CiliumNetworkPolicy and its clusterwide form; `plain`: NetworkPolicy, without ipBlock."""

    def __init__(self, policies: Sequence[Written], plain: Sequence[Written]) -> None:
        self.policies, self.plain = policies, plain

    def allowed(self, source: Side, destination: Side, port: int, protocol: str) -> bool:
        if source.name and source.name == destination.name:
            return True
        ends = (("egress", source, destination), ("ingress", destination, source))
        return all(
            self._one_way(direction, subject, peer, destination, port, protocol)
            for direction, subject, peer in ends
            if subject.name
        )

    def _one_way(
        self, direction: str, subject: Side, peer: Side, server: Side, port: int, protocol: str
    ) -> bool:
        """Whatever the order of policies: denied, allowed, else as the default says."""
        specs = list(self._selecting(subject))
        word = "from" if direction == "ingress" else "to"

        def some(field: str) -> bool:
            return any(
                _fits(rule, word, own, peer, server, port, protocol)
                for own, spec in specs
                for rule in spec.get(field, [])
            )

        if some(f"{direction}Deny"):
            return False
        said = naive._network_policies(self.plain, direction, subject, peer, server, port, protocol)
        if said or some(direction):
            return True
        return said is None and not any(_isolates(spec, direction) for _, spec in specs)

    def _selecting(self, subject: Side) -> Iterator[tuple[str, Written]]:
        """Namespace of the policy, empty for a clusterwide one, and the spec."""
        for one in self.policies:
            own = one["metadata"].get("namespace", "")
            if own in ("", subject.namespace) and _selects(one["spec"]["endpointSelector"], "", subject):
                yield own, one["spec"]


def _isolates(spec: Written, direction: str) -> bool:
    told = spec.get("enableDefaultDeny", {}).get(direction)
    return bool(spec.get(direction) or spec.get(f"{direction}Deny")) if told is None else bool(told)


def _fits(rule: Written, word: str, own: str, peer: Side, server: Side, port: int, protocol: str) -> bool:
    named = [field for field in rule if field.startswith(word) and field != "toPorts"]
    if not named and "toPorts" not in rule:
        return False
    if named and not any(_is_peer(field.removeprefix(word), rule[field], own, peer) for field in named):
        return False
    return "toPorts" not in rule or any(
        _on(entry, server, port, protocol) for part in rule["toPorts"] for entry in part["ports"]
    )


def _is_peer(kind: str, written: Written, own: str, peer: Side) -> bool:
    match kind:
        case "Endpoints":
            return any(_selects(one, own, peer) for one in written)
        case "Entities":
            return any(
                {"all": True, "cluster": bool(peer.name), "world": not peer.name}[one] for one in written
            )
        case "CIDR":
            return not peer.name and any(naive._inside(one, peer.address) for one in written)
        case "CIDRSet":
            return not peer.name and any(
                naive._inside(one["cidr"], peer.address)
                and not any(naive._inside(net, peer.address) for net in one.get("except", []))
                for one in written
            )
    raise AssertionError(kind)


def _selects(selector: Written, own: str, side: Side) -> bool:
    """`own`: the namespace it looks in, unless it names one; empty: in all."""
    if not side.name:
        return False
    keys = [*selector.get("matchLabels", {}), *(one["key"] for one in selector.get("matchExpressions", []))]
    names = any(key == SPACE or key.startswith(SPACE_LABELS) for key in keys)
    if own and not names and side.namespace != own:
        return False
    labels = {SPACE: side.namespace, **side.labels, **{f"k8s:{key}": one for key, one in side.labels.items()}}
    labels |= {f"any:{key}": one for key, one in side.labels.items()}
    labels |= {f"{SPACE_LABELS}{key}": one for key, one in side.namespace_labels.items()}
    return naive._matches(selector, labels)


def _on(entry: Written, server: Side, port: int, protocol: str) -> bool:
    if entry.get("protocol", "ANY") not in ("ANY", protocol):
        return False
    wanted = entry["port"]
    if not wanted.isdecimal():
        return (wanted, port, protocol) in server.ports
    low = int(wanted)
    return low == 0 or low <= port <= (entry.get("endPort") or low)
