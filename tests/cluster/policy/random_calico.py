"""Random clusters with Calico's policies by a seed: as objects, and for the naive implementation."""

from random import Random
from typing import Any

from kubectl_skoop.cluster.objects import Object
from tests.cluster.policy.naive import Side
from tests.cluster.policy.naive_calico import Calico, Tree, written
from tests.cluster.policy.world import namespace, pod, policy

V3 = "projectcalico.org/v3"
SPACES, KEYS, VALUES = ("x", "y", "z"), ("app", "tier"), ("a", "ab", "b")
PORTS, NAMES, PROTOCOLS = (53, 80, 8080), ("http", "dns"), ("TCP", "UDP", "SCTP")
OUTER = ("192.168.3.4", "8.8.8.8", "2001:db8::1")
NETS = ("10.0.0.0/24", "192.168.0.0/16", "8.0.0.0/8", "10.0.1.0/30", "2001:db8::/32")
_TREES = ("selector", "notSelector", "namespaceSelector")


def tree(draw: Random, keys: tuple[str, ...] = KEYS, depth: int = 2) -> Tree:
    key, value = draw.choice(keys), draw.choice(VALUES)
    match draw.randrange(9 if depth else 6):
        case 0:
            return ("all",)
        case 1:
            return ("has", key)
        case 2:
            return (draw.choice(("==", "!=")), key, value)
        case 3:
            return (draw.choice(("in", "not in")), key, draw.sample(VALUES, draw.randint(1, 2)))
        case 4 | 5:
            return (draw.choice(("contains", "starts with", "ends with")), key, draw.choice("ab"))
        case 6:
            return ("not", tree(draw, keys, depth - 1))
        case _:
            return (draw.choice(("and", "or")), [tree(draw, keys, depth - 1) for _ in range(2)])


def _spaces(draw: Random) -> Tree:
    if draw.random() < 0.5:
        return ("==", "projectcalico.org/name", draw.choice(SPACES))
    return tree(draw, ("team",), 1)


def _end(draw: Random, protocol: str | None, *, ports: bool) -> dict[str, Any]:
    end: dict[str, Any] = {}
    if draw.random() < 0.5:
        end["selector"] = tree(draw)
    if draw.random() < 0.3:
        end["namespaceSelector"] = "global()" if draw.random() < 0.3 else _spaces(draw)
    if draw.random() < 0.2:
        end["notSelector"] = tree(draw)
    if draw.random() < 0.2:
        end["nets"] = draw.sample(NETS, draw.randint(1, 2))
    if draw.random() < 0.2:
        end["notNets"] = draw.sample(NETS, 1)
    if ports and protocol and draw.random() < 0.6:
        entries: tuple[object, ...] = (*PORTS, "53:80", "80:9000", *NAMES)
        end["ports"] = draw.sample(entries, draw.randint(1, 2))
    if ports and protocol and draw.random() < 0.2:
        end["notPorts"] = draw.sample((80, "53:80"), 1)
    return end


def _rule(draw: Random) -> dict[str, Any]:
    rule: dict[str, Any] = {"action": draw.choice(("Allow", "Allow", "Deny", "Deny", "Pass", "Log"))}
    protocol = draw.choice(PROTOCOLS) if draw.random() < 0.6 else None
    if protocol:
        rule["protocol"] = protocol
    elif draw.random() < 0.2:
        rule["notProtocol"] = draw.choice(PROTOCOLS)
    if draw.random() < 0.1:
        rule["ipVersion"] = draw.choice((4, 6))
    for name in ("source", "destination"):
        if draw.random() < 0.5 and (end := _end(draw, protocol, ports=name == "destination")):
            rule[name] = end
    return rule


def _policy(draw: Random, number: int, tiers: list[str]) -> dict[str, Any]:
    spec: dict[str, Any] = {"selector": tree(draw, depth=1), "tier": draw.choice(tiers)}
    if draw.random() < 0.8:
        spec["order"] = draw.choice((1, 10, 1000, 2000))
    for direction in ("ingress", "egress"):
        if draw.random() < 0.6:
            spec[direction] = [_rule(draw) for _ in range(draw.randint(1, 3))]
    if draw.random() < 0.3:
        spec["types"] = draw.sample(("Ingress", "Egress"), draw.randint(1, 2))
    own = draw.random() < 0.5
    if not own and draw.random() < 0.3:
        spec["namespaceSelector"] = _spaces(draw)
    name = f"p{number}" if not own else f"{draw.choice(SPACES)}/p{number}"
    return {"kind": "NetworkPolicy" if own else "GlobalNetworkPolicy", "name": name, "spec": spec}


def _text(value: Any) -> Any:
    """With selectors in Calico's language."""
    if isinstance(value, dict):
        return {
            key: written(inner) if key in _TREES and isinstance(inner, tuple) else _text(inner)
            for key, inner in value.items()
        }
    return [_text(one) for one in value] if isinstance(value, list) else value


def plain(draw: Random, number: int) -> Object:
    rule = {"from": [{"podSelector": {"matchLabels": {"app": draw.choice(VALUES)}}}]}
    chosen = {"matchLabels": {"app": draw.choice(VALUES)}} if draw.random() < 0.5 else {}
    spec = {"podSelector": chosen, "ingress": [rule] if draw.random() < 0.7 else []}
    return policy("NetworkPolicy", f"{draw.choice(SPACES)}/k{number}", spec)


def labels(draw: Random) -> dict[str, str]:
    return {key: draw.choice(VALUES) for key in KEYS if draw.random() < 0.6}


def sides(draw: Random) -> tuple[list[Object], list[Side]]:
    """Namespaces and pods, and the same with addresses outside for the naive implementations."""
    teams = {name: {"team": draw.choice(VALUES)} if draw.random() < 0.7 else {} for name in SPACES}
    objects: list[Object] = [namespace(name, **own) for name, own in teams.items()]
    found = [Side(address=address) for address in OUTER]
    for number in range(5):
        scope, own = draw.choice(SPACES), labels(draw)
        address = f"10.0.{number % 2}.{number + 1}"
        named = [(draw.choice(NAMES), draw.choice(PORTS), draw.choice(PROTOCOLS))] * draw.randrange(2)
        objects.append(pod(f"{scope}/w{number}", address, own, named, nodeName=f"n{number}"))
        meta = {"kubernetes.io/metadata.name": scope, "projectcalico.org/name": scope, **teams[scope]}
        found.append(
            Side(
                address=address,
                name=f"{scope}/w{number}",
                namespace=scope,
                labels=own,
                namespace_labels=meta,
                ports=tuple(named),
            )
        )
    return objects, found


def calico_cluster(seed: int) -> tuple[list[Object], Calico, list[Side]]:
    draw = Random(seed)
    objects, found = sides(draw)
    tiers = [
        policy("Tier", f"t{number}", {"order": order, "defaultAction": draw.choice(("Deny", "Pass"))}, V3)
        for number, order in enumerate(draw.sample((5, 5, 100, 2_000_000, None), draw.randrange(3)))
    ]
    names = ["default", *(f"t{number}" for number in range(len(tiers)))]
    made = [_policy(draw, number, names) for number in range(draw.randint(1, 5))]
    sets: list[Object] = []
    for number in range(draw.randrange(3)):
        one = policy("GlobalNetworkSet", f"s{number}", {"nets": draw.sample(NETS, 1)}, V3)
        sets.append({**one, "metadata": {"name": f"s{number}", "labels": labels(draw)}})
    others = [plain(draw, number) for number in range(draw.randrange(3))]
    texts = [policy(one["kind"], one["name"], _text(one["spec"]), V3) for one in made]
    trees = []
    for one in made:
        scope, slash, bare = one["name"].rpartition("/")
        meta = {"name": bare, "namespace": scope} if slash else {"name": bare}
        trees.append({"kind": f"Calico{one['kind']}", "metadata": meta, "spec": one["spec"]})
    return [*objects, *tiers, *sets, *others, *texts], Calico(trees, tiers, sets, others), found
