"""A second implementation of what Calico's policies mean, for pods and addresses outside: one flow, loops.

Written after docs.tigera.io (reference: network policy, global network policy, tier, network sets), without
the engine's code. It knows no unknowns: everything must be valid. Selectors are trees; `written` prints them
in Calico's language, so that who reads the text must come to the same tree.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from tests.cluster.policy import naive
from tests.cluster.policy.naive import Side

Written = Any
Tree = Any
"""`("all",)`, `("has", key)`, `("==", key, value)`, `("in", key, values)`, `("starts", key, value)` …, and
`("not", tree)`, `("and", trees)`, `("or", trees)`."""
PROTOCOLS = {"TCP", "UDP", "SCTP"}
NAMESPACED, GLOBAL = "CalicoNetworkPolicy", "CalicoGlobalNetworkPolicy"


def written(tree: Tree, around: int = 0) -> str:
    """`around`: how tightly what stands around it binds: 0 nothing, 1 `||`, 2 `&&`, 3 `!`."""
    match tree:
        case ("all",):
            return "all()"
        case ("has", key):
            return f"has({key})"
        case ("==" | "!=" as sign, key, value):
            return f"{key} {sign} '{value}'"
        case ("in" | "not in" as word, key, values):
            return f"{key} {word} {{{', '.join(repr(value) for value in values)}}}"
        case ("contains" | "starts with" | "ends with" as word, key, value):
            return f"{key} {word} '{value}'"
        case ("not", inner):
            return f"!{written(inner, 3)}" if inner[0] in ("has", "all") else f"!({written(inner)})"
        case ("and" | "or" as word, trees):
            own = 2 if word == "and" else 1
            text = f" {'&&' if word == 'and' else '||'} ".join(written(one, own) for one in trees)
            return f"({text})" if around > own else text
    raise AssertionError(tree)


def holds(tree: Tree, labels: Mapping[str, str]) -> bool:
    match tree:
        case ("all",):
            return True
        case ("has", key):
            return key in labels
        case ("==", key, value):
            return bool(labels.get(key) == value)
        case ("!=", key, value):
            return bool(labels.get(key) != value)
        case ("in", key, values):
            return key in labels and labels[key] in values
        case ("not in", key, values):
            return key not in labels or labels[key] not in values
        case ("contains", key, value):
            return value in labels.get(key, "")
        case ("starts with", key, value):
            return labels.get(key, "").startswith(value)
        case ("ends with", key, value):
            return labels.get(key, "").endswith(value)
        case ("not", inner):
            return not holds(inner, labels)
        case ("and", trees):
            return all(holds(one, labels) for one in trees)
        case ("or", trees):
            return any(holds(one, labels) for one in trees)
    raise AssertionError(tree)


class Calico:
    """`policies`, `tiers` and `sets` as the objects are, but with trees in place of selectors."""

    def __init__(
        self,
        policies: Sequence[Written],
        tiers: Sequence[Written],
        sets: Sequence[Written],
        plain: Sequence[Written],
    ) -> None:
        self.policies, self.sets, self.plain = policies, sets, plain
        orders = {"default": (1_000_000.0, "default", "Deny")}
        for one in tiers:
            name, spec = one["metadata"]["name"], one["spec"]
            order = math.inf if spec.get("order") is None else spec["order"]
            orders[name] = (order, name, spec["defaultAction"])
        self.tiers = sorted(orders.values())

    def allowed(self, source: Side, destination: Side, port: int, protocol: str) -> bool:
        if source.name and source.name == destination.name:
            return True
        return all(
            self._one_way(direction, subject, source, destination, port, protocol)
            for direction, subject in (("egress", source), ("ingress", destination))
            if subject.name
        )

    def _one_way(
        self, direction: str, subject: Side, source: Side, destination: Side, port: int, protocol: str
    ) -> bool:
        peer = source if direction == "ingress" else destination
        for _, tier, at_its_end in self.tiers:
            applied = False
            verdict = ""
            for _, _, _, one in sorted(self._in_tier(tier), key=lambda entry: entry[:3]):
                if one["kind"] == "NetworkPolicy":
                    said = naive._network_policies(
                        [one], direction, subject, peer, destination, port, protocol
                    )
                    applied |= said is not None
                    verdict = "Allow" if said else ""
                elif self._applies(one, direction, subject):
                    applied = True
                    verdict = self._first(one, direction, source, destination, port, protocol)
                if verdict:
                    break
            if verdict in ("Allow", "Deny"):
                return verdict == "Allow"
            if not verdict and applied and at_its_end == "Deny":
                return False
        return True

    def _in_tier(self, tier: str) -> Iterator[tuple[float, str, str, Written]]:
        for one in self.policies:
            if one["spec"].get("tier", "default") == tier:
                order, meta = one["spec"].get("order"), one["metadata"]
                yield math.inf if order is None else order, meta["name"], meta.get("namespace", ""), one
        for one in self.plain if tier == "default" else ():
            yield 1000.0, one["metadata"]["name"], one["metadata"]["namespace"], one

    def _applies(self, policy: Written, direction: str, subject: Side) -> bool:
        spec, own = policy["spec"], policy["metadata"].get("namespace")
        if own and subject.namespace != own:
            return False
        types = [name.lower() for name in spec.get("types", [])]
        if not types:
            types = ["egress"] if spec.get("egress") and not spec.get("ingress") else ["ingress"]
            types += ["egress"] if spec.get("egress") else []
        if direction not in types or not holds(spec["selector"], _labels(subject)):
            return False
        spaces = spec.get("namespaceSelector")
        return spaces is None or holds(spaces, subject.namespace_labels)

    def _first(
        self, policy: Written, direction: str, source: Side, destination: Side, port: int, protocol: str
    ) -> str:
        """`Allow`, `Deny`, `Pass`, or nothing."""
        own = policy["metadata"].get("namespace", "")
        for rule in policy["spec"].get(direction, []):
            if rule["action"] != "Log" and self._fits(rule, own, source, destination, port, protocol):
                return str(rule["action"])
        return ""

    def _fits(
        self, rule: Written, own: str, source: Side, destination: Side, port: int, protocol: str
    ) -> bool:
        if rule.get("protocol", protocol) != protocol or rule.get("notProtocol") == protocol:
            return False
        if "ipVersion" in rule and rule["ipVersion"] != ip_address(source.address).version:
            return False
        for end, side in (("source", source), ("destination", destination)):
            if end in rule and not self._is_end(rule[end], own, side):
                return False
        told = rule.get("destination", {})
        if "ports" in told and not any(_on(one, destination, port, protocol) for one in told["ports"]):
            return False
        return not any(_on(one, destination, port, protocol) for one in told.get("notPorts", []))

    def _is_end(self, told: Written, own: str, side: Side) -> bool:
        if ("selector" in told or "namespaceSelector" in told) and not self._selected(told, own, side):
            return False
        if "notSelector" in told and self._is_member(told["notSelector"], side, lambda space: True):
            return False
        if "nets" in told and not any(naive._inside(net, side.address) for net in told["nets"]):
            return False
        return not any(naive._inside(net, side.address) for net in told.get("notNets", []))

    def _selected(self, told: Written, own: str, side: Side) -> bool:
        spaces = told.get("namespaceSelector")

        def fits(space: Mapping[str, str] | None) -> bool:
            """`space`: labels of a namespace; None: what is selected is in none."""
            if spaces == "global()":
                return space is None
            if spaces is not None:
                return space is not None and holds(spaces, space)
            return not own or (space is not None and space["projectcalico.org/name"] == own)

        return self._is_member(told.get("selector", ("all",)), side, fits)

    def _is_member(self, tree: Tree, side: Side, fits: Any) -> bool:
        if side.name and fits(side.namespace_labels) and holds(tree, _labels(side)):
            return True
        return any(
            fits(None)
            and holds(tree, one["metadata"]["labels"])
            and any(naive._inside(net, side.address) for net in one["spec"]["nets"])
            for one in self.sets
        )


def _labels(side: Side) -> Mapping[str, str]:
    return {**side.labels, "projectcalico.org/namespace": side.namespace}


def _on(entry: object, server: Side, port: int, protocol: str) -> bool:
    if isinstance(entry, int):
        return entry == port
    text = str(entry)
    if text[0].isdigit():
        low, _, high = text.partition(":")
        return int(low) <= port <= int(high or low)
    return (text, port, protocol) in server.ports
