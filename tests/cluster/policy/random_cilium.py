"""Random clusters with Cilium's policies by a seed: as objects, and for the naive implementation."""

from random import Random
from typing import Any

from kubectl_skoop.cluster.objects import Object
from tests.cluster.policy.naive import Side
from tests.cluster.policy.naive_cilium import SPACE, SPACE_LABELS, Cilium
from tests.cluster.policy.random_calico import KEYS, NAMES, NETS, PROTOCOLS, SPACES, VALUES, plain, sides
from tests.cluster.policy.world import policy

SOURCES = ("", "k8s:", "any:")
PORTS = ("53", "80", "8080", "0", *NAMES)


def _selector(draw: Random, *, spaces: bool) -> dict[str, Any]:
    selector: dict[str, Any] = {}
    if draw.random() < 0.6:
        selector["matchLabels"] = {f"{draw.choice(SOURCES)}{draw.choice(KEYS)}": draw.choice(VALUES)}
    if draw.random() < 0.3:
        operator = draw.choice(("In", "NotIn", "Exists", "DoesNotExist"))
        values = {"values": draw.sample(VALUES, draw.randint(1, 2))} if "In" in operator else {}
        key = f"{draw.choice(SOURCES)}{draw.choice(KEYS)}"
        selector["matchExpressions"] = [{"key": key, "operator": operator, **values}]
    if spaces and draw.random() < 0.3:
        where = draw.choice(((SPACE, draw.choice(SPACES)), (f"{SPACE_LABELS}team", draw.choice(VALUES))))
        selector["matchLabels"] = {**selector.get("matchLabels", {}), where[0]: where[1]}
    return selector


def _peers(draw: Random, kind: str) -> list[Any]:
    match kind:
        case "Endpoints":
            return [_selector(draw, spaces=True) for _ in range(draw.randint(1, 2))]
        case "Entities":
            return draw.sample(("world", "cluster", "all"), 1)
        case "CIDR":
            return draw.sample(NETS, draw.randint(1, 2))
    return [{"cidr": "8.0.0.0/6", "except": ["8.8.8.0/24"]} if draw.random() < 0.5 else {"cidr": NETS[1]}]


def _port(draw: Random) -> dict[str, Any]:
    entry: dict[str, Any] = {"port": draw.choice(PORTS)}
    if draw.random() < 0.7:
        entry["protocol"] = draw.choice((*PROTOCOLS, "ANY"))
    if entry["port"] == "53" and draw.random() < 0.5:
        entry["endPort"] = 80
    return entry


def _rule(draw: Random, word: str) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    for kind in draw.sample(("Endpoints", "Entities", "CIDR", "CIDRSet"), draw.choice((0, 1, 1, 1, 2))):
        rule[f"{word}{kind}"] = _peers(draw, kind)
    if draw.random() < 0.5:
        rule["toPorts"] = [
            {"ports": [_port(draw) for _ in range(draw.randint(1, 2))]} for _ in range(draw.randint(1, 2))
        ]
    return rule


def _policy(draw: Random, number: int) -> Object:
    spec: dict[str, Any] = {"endpointSelector": _selector(draw, spaces=False)}
    for direction, word in (("ingress", "from"), ("egress", "to")):
        for field, share in ((direction, 0.6), (f"{direction}Deny", 0.3)):
            if draw.random() < share:
                spec[field] = [_rule(draw, word) for _ in range(draw.randint(1, 2))]
    if draw.random() < 0.3:
        sides_told = draw.sample(("ingress", "egress"), draw.randint(1, 2))
        spec["enableDefaultDeny"] = {name: draw.random() < 0.5 for name in sides_told}
    if draw.random() < 0.5:
        return policy("CiliumClusterwideNetworkPolicy", f"p{number}", spec, "cilium.io/v2")
    return policy("CiliumNetworkPolicy", f"{draw.choice(SPACES)}/p{number}", spec, "cilium.io/v2")


def cilium_cluster(seed: int) -> tuple[list[Object], Cilium, list[Side]]:
    draw = Random(seed)
    objects, found = sides(draw)
    made = [_policy(draw, number) for number in range(draw.randint(1, 4))]
    others = [plain(draw, number) for number in range(draw.randrange(3))]
    return [*objects, *made, *others], Cilium(made, others), found
