"""Random clusters with valid policies, as hypothesis strategies. Small vocabularies, so that things meet."""

from dataclasses import dataclass

from hypothesis import strategies as st

from kubectl_skoop.cluster.objects import Object
from tests.cluster.policy.naive import Side
from tests.cluster.policy.world import Fields, namespace, pod, policy

SPACES = ("x", "y", "z")
KEYS, VALUES = ("app", "tier"), ("a", "b", "c")
PORTS = (53, 80, 81, 8080)
PROTOCOLS = ("TCP", "UDP", "SCTP")
NAMES = ("http", "dns")
BLOCKS = ("0.0.0.0/0", "10.0.0.0/24", "10.0.0.0/28", "10.0.1.0/24", "192.168.0.0/16", "::/0", "10.0.0.6/32")
OUTER = ("192.168.3.4", "8.8.8.8", "2001:db8::1")
API = "policy.networking.k8s.io"


@dataclass(frozen=True, slots=True)
class Random:
    """A cluster twice: as objects, and for the naive implementation."""

    objects: tuple[Object, ...]
    policies: tuple[Object, ...]
    sides: tuple[Side, ...]


labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2)
expressions = st.one_of(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(KEYS),
            "operator": st.sampled_from(("In", "NotIn")),
            "values": st.lists(st.sampled_from(VALUES), min_size=1, max_size=2),
        }
    ),
    st.fixed_dictionaries(
        {"key": st.sampled_from(KEYS), "operator": st.sampled_from(("Exists", "DoesNotExist"))}
    ),
)
selectors: st.SearchStrategy[Fields] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"matchLabels": labels}),
    st.fixed_dictionaries({"matchExpressions": st.lists(expressions, min_size=1, max_size=2)}),
)
blocks = st.fixed_dictionaries(
    {"cidr": st.sampled_from(BLOCKS)}, optional={"except": st.lists(st.sampled_from(BLOCKS[1:]), max_size=2)}
)
peers: st.SearchStrategy[Fields] = st.one_of(
    st.fixed_dictionaries({"podSelector": selectors}),
    st.fixed_dictionaries({"namespaceSelector": selectors}),
    st.fixed_dictionaries({"podSelector": selectors, "namespaceSelector": selectors}),
    st.fixed_dictionaries({"ipBlock": blocks}),
)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[int, int]:
    low, high = sorted((draw(st.sampled_from(PORTS)), draw(st.sampled_from(PORTS))))
    return low, high


@st.composite
def ports(draw: st.DrawFn) -> Fields:
    entry: Fields = {}
    if draw(st.booleans()):
        entry["protocol"] = draw(st.sampled_from(PROTOCOLS))
    match draw(st.integers(0, 3)):
        case 0:
            entry["port"] = draw(st.sampled_from(PORTS))
        case 1:
            entry["port"], entry["endPort"] = draw(ranges())
        case 2:
            entry["port"] = draw(st.sampled_from(NAMES))
    return entry


@st.composite
def rules(draw: st.DrawFn, word: str) -> Fields:
    rule: Fields = {}
    if draw(st.booleans()):
        rule[word] = draw(st.lists(peers, max_size=2))
    if draw(st.booleans()):
        rule["ports"] = draw(st.lists(ports(), max_size=2))
    return rule


@st.composite
def network_policies(draw: st.DrawFn, number: int) -> Object:
    spec: Fields = {"podSelector": draw(selectors)}
    if draw(st.booleans()):
        spec["policyTypes"] = draw(st.lists(st.sampled_from(("Ingress", "Egress")), unique=True))
    for direction, word in (("ingress", "from"), ("egress", "to")):
        if draw(st.booleans()):
            spec[direction] = draw(st.lists(rules(word), max_size=2))
    return policy("NetworkPolicy", f"{draw(st.sampled_from(SPACES))}/np-{number}", spec)


members: st.SearchStrategy[Fields] = st.one_of(
    st.fixed_dictionaries({"namespaces": selectors}),
    st.fixed_dictionaries(
        {"pods": st.fixed_dictionaries({"namespaceSelector": selectors, "podSelector": selectors})}
    ),
)
networks = st.fixed_dictionaries({"networks": st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=2)})


@st.composite
def alpha_1_ports(draw: st.DrawFn) -> Fields:
    protocol = draw(st.sampled_from(PROTOCOLS))
    match draw(st.integers(0, 2)):
        case 0:
            return {"portNumber": {"protocol": protocol, "port": draw(st.sampled_from(PORTS))}}
        case 1:
            low, high = draw(ranges())
            return {"portRange": {"protocol": protocol, "start": low, "end": high}}
        case _:
            return {"namedPort": draw(st.sampled_from(NAMES))}


@st.composite
def alpha_2_protocols(draw: st.DrawFn) -> Fields:
    protocol = draw(st.sampled_from(PROTOCOLS)).lower()
    match draw(st.integers(0, 3)):
        case 0:
            return {protocol: {"destinationPort": {"number": draw(st.sampled_from(PORTS))}}}
        case 1:
            low, high = draw(ranges())
            return {protocol: {"destinationPort": {"range": {"start": low, "end": high}}}}
        case 2:
            return {protocol: {}}
        case _:
            return {"destinationNamedPort": draw(st.sampled_from(NAMES))}


@st.composite
def admin_rules(draw: st.DrawFn, word: str, kind: str) -> Fields:
    newer = kind == "ClusterNetworkPolicy"
    actions = ["Accept" if newer else "Allow", "Deny"]
    if kind != "BaselineAdminNetworkPolicy":
        actions.append("Pass")
    others = st.one_of(members, networks) if word == "to" else members
    rule: Fields = {
        "action": draw(st.sampled_from(actions)),
        word: draw(st.lists(others, min_size=1, max_size=2)),
    }
    if draw(st.booleans()):
        entries = alpha_2_protocols() if newer else alpha_1_ports()
        rule["protocols" if newer else "ports"] = draw(st.lists(entries, min_size=1, max_size=2))
    return rule


@st.composite
def admin_policies(draw: st.DrawFn, number: int) -> Object:
    """Their numbers are their priorities, so that no two are equal."""
    kind = draw(st.sampled_from(("AdminNetworkPolicy", "ClusterNetworkPolicy")))
    spec: Fields = {"subject": draw(members), "priority": number}
    if kind == "ClusterNetworkPolicy":
        spec["tier"] = draw(st.sampled_from(("Admin", "Baseline")))
    return _administrators(draw, kind, f"p-{number}", spec)


@st.composite
def baselines(draw: st.DrawFn) -> Object:
    return _administrators(draw, "BaselineAdminNetworkPolicy", "default", {"subject": draw(members)})


def _administrators(draw: st.DrawFn, kind: str, name: str, spec: Fields) -> Object:
    for direction, word in (("ingress", "from"), ("egress", "to")):
        if draw(st.booleans()):
            spec[direction] = draw(st.lists(admin_rules(word, kind), min_size=1, max_size=3))
    version = "v1alpha2" if kind == "ClusterNetworkPolicy" else "v1alpha1"
    return policy(kind, name, spec, f"{API}/{version}")


@st.composite
def clusters(draw: st.DrawFn) -> Random:
    spaces = {name: draw(labels) for name in SPACES}
    objects: list[Object] = [namespace(name, **own) for name, own in spaces.items()]
    sides: list[Side] = [Side(address=address) for address in OUTER]
    for number in range(5):
        scope, own = draw(st.sampled_from(SPACES)), draw(labels)
        address = f"10.0.{draw(st.integers(0, 1))}.{5 + number}"
        named = draw(
            st.lists(
                st.tuples(st.sampled_from(NAMES), st.sampled_from(PORTS), st.sampled_from(PROTOCOLS)),
                max_size=2,
                unique=True,
            )
        )
        host = draw(st.integers(0, 7)) == 0
        objects.append(
            pod(f"{scope}/p{number}", address, own, named, hostNetwork=host, nodeName=f"n{number}")
        )
        sides.append(
            Side(
                address=address,
                name=f"{scope}/p{number}",
                namespace=scope,
                labels=own,
                namespace_labels={"kubernetes.io/metadata.name": scope, **spaces[scope]},
                host_network=host,
                ports=tuple(named),
            )
        )
    policies = [draw(network_policies(number)) for number in range(draw(st.integers(0, 3)))]
    policies += [draw(admin_policies(number)) for number in range(draw(st.integers(0, 3)))]
    if draw(st.booleans()):
        policies.append(draw(baselines()))
    return Random((*objects, *policies), tuple(policies), tuple(sides))
