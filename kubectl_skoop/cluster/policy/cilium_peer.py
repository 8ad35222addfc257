"""Whom a Cilium rule means: endpoints by their labels, entities, CIDRs, services."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy.address import ANYWHERE, IPV4, IPV6, address_at
from kubectl_skoop.cluster.policy.interval import Intervals, subtract, union
from kubectl_skoop.cluster.policy.rule import Invalid
from kubectl_skoop.cluster.policy.selector import selector
from kubectl_skoop.cluster.policy.term import (
    EVERYBODY,
    HOSTS,
    PODS,
    All,
    InBlock,
    InNamespace,
    Labelled,
    Nobody,
    Outside,
    Some,
    Term,
    Undecided,
    select,
)
from kubectl_skoop.cluster.policy.universe import NAME_LABEL, Party, Universe, positions_of
from kubectl_skoop.cluster.policy.written import Fields, cidr, fields, maps, words
from kubectl_skoop.cluster.raw import Object, items, labels, ref_of, texts
from kubectl_skoop.cluster.service import SERVICE_NAME

_NAMESPACE = "io.kubernetes.pod.namespace"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
_ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
_UNKNOWN_HERE = ("io.cilium.k8s.policy.cluster",)
_RESERVED: Mapping[str, Term] = {
    "host": HOSTS,
    "remote-node": HOSTS,
    "world": Outside(ANYWHERE),
    "world-ipv4": Outside(IPV4),
    "world-ipv6": Outside(IPV6),
    "all": EVERYBODY,
    "cluster": Some((PODS, HOSTS)),
    "none": Nobody(),
    "init": Nobody(),
    "health": Nobody(),
    "ingress": Undecided(Some((PODS, HOSTS)), "the entity ingress is not told apart from other pods"),
    "unmanaged": Undecided(PODS, "whether Cilium manages a pod is not collected"),
}


@dataclass(slots=True)
class Facts:
    """What rules refer to beside pods."""

    cluster: Cluster
    _kube_apiserver: Term | None = None

    def entity(self, name: str) -> Term:
        """Raises: Invalid."""
        if name == "kube-apiserver":
            if self._kube_apiserver is None:
                self._kube_apiserver = self._apiserver()
            return self._kube_apiserver
        if name not in _RESERVED:
            raise Invalid(f"unknown entity {name!r}")
        return _RESERVED[name]

    def service(self, namespace: str, name: str) -> Term:
        """What a service stands for: its pods, or the addresses behind one without selector.

        `namespace`: empty: whichever has one of that name (pkg/policy/k8s/service.go, serviceRefMatches).
        """
        found = [item for item in self.cluster.objects("Service", namespace) if ref_of(item).name == name]
        if not found:
            shown = f"{namespace}/{name}" if namespace else name
            return Undecided(EVERYBODY, f"service {shown} is not among the objects")
        return Some(tuple(map(self._meant, found)))

    def services(self, namespace: str, written: object) -> Term:
        """What the services that a selector means stand for; `namespace`: empty: in all. Raises: Invalid."""
        found = self.cluster.objects("Service", namespace)
        return Some(tuple(map(self._meant, _chosen(found, written))))

    def _meant(self, service: Object) -> Term:
        ref = ref_of(service)
        if wanted := labels(service, "spec", "selector"):
            own = [Labelled("pod", key, "in", (value,)) for key, value in sorted(wanted.items())]
            return All((PODS, InNamespace(ref.namespace), *own))
        block = self._behind(ref.namespace, ref.name)
        why = f"no endpoints of {ref.namespace}/{ref.name} are known"
        return InBlock(block) if block else Undecided(EVERYBODY, why)

    def cidr_group(self, name: str) -> Intervals:
        """Raises: Invalid."""
        for item in self.cluster.objects("CiliumCIDRGroup"):
            if ref_of(item).name == name:
                return _cidrs_of(item)
        raise Invalid(f"there is no CiliumCIDRGroup {name}")

    def cidr_groups(self, written: object) -> Intervals:
        """Of all that a selector means. Raises: Invalid."""
        found = _chosen(self.cluster.objects("CiliumCIDRGroup"), written)
        return union(part for item in found for part in _cidrs_of(item))

    def _apiserver(self) -> Term:
        block = self._behind("default", "kubernetes")
        if block:
            return InBlock(block)
        why = "the addresses of the API server are not among the objects (entity kube-apiserver)"
        return Undecided(Some((HOSTS, Outside(ANYWHERE))), why)

    def _behind(self, namespace: str, name: str) -> Intervals:
        written: list[str] = []
        for item in self.cluster.objects("EndpointSlice", namespace):
            if labels(item, "metadata", "labels").get(SERVICE_NAME) == name:
                for endpoint in items(item, "endpoints"):
                    written += texts(endpoint, "addresses")
        for item in self.cluster.objects("Endpoints", namespace):
            if ref_of(item).name == name:
                for subset in items(item, "subsets"):
                    written += [
                        str(entry.get("ip")) for entry in maps(items(subset, "addresses"), "addresses")
                    ]
        known = [address for entry in written if (address := parse_address(entry)) is not None]
        return union((address_at(address), address_at(address)) for address in known)


def _cidrs_of(group: Object) -> Intervals:
    return union(part for net in texts(group, "spec", "externalCIDRs") for part in cidr(net))


def _chosen(objects: Sequence[Object], written: object) -> list[Object]:
    """Those whose labels meet a selector. Raises: Invalid."""
    own = [
        Party(kind="pod", name=ref_of(item).name, labels=labels(item, "metadata", "labels"))
        for item in objects
    ]
    found = select(selector(written, "pod"), Universe(own)).yes
    return [objects[at] for at in positions_of(found.bits)]


def endpoints(written: object, namespace: str) -> Term:
    """An endpoint selector. `namespace`: where it looks unless it names one itself; empty: everywhere.

    Raises: Invalid.
    """
    known = fields(written, "an endpoint selector", ("matchLabels", "matchExpressions"))
    wanted = known.get("matchLabels") or {}
    if not isinstance(wanted, Mapping):
        raise Invalid("matchLabels must be a map")
    requirements: list[Fields] = [
        {"key": key, "operator": "In", "values": [value]} for key, value in wanted.items()
    ]
    requirements += maps(known.get("matchExpressions"), "matchExpressions")
    terms: list[Term] = []
    named = reserved = False
    for entry in requirements:
        key = entry.get("key")
        if not isinstance(key, str):
            raise Invalid("an expression of an endpoint selector needs a key")
        bare = _bare(key)
        reserved |= _source(key) == "reserved" and entry.get("operator") == "In"
        named |= reserved or bare == _NAMESPACE or bare.startswith(_NAMESPACE_LABELS)
        terms.append(_label(key, entry))
    if not reserved:
        terms.insert(0, PODS)
    if namespace and not named:
        terms.append(InNamespace(namespace))
    return All(tuple(terms))


def _source(key: str) -> str:
    source, separator, _ = key.partition(":")
    return source if separator else "any"


def _bare(key: str) -> str:
    return key.partition(":")[2] if ":" in key else key


def _label(key: str, expression: Fields) -> Term:
    """One requirement; the key may bear its source: `k8s:app`, `any:app`, `reserved:host`."""
    source, bare = _source(key), _bare(key)
    if source == "reserved":
        if bare not in _RESERVED:
            raise Invalid(f"unknown label {key!r}")
        return _RESERVED[bare]
    if source not in ("any", "k8s"):
        return Undecided(PODS, f"labels of the source {source!r} are not collected (label {key})")
    if bare in _UNKNOWN_HERE:
        return Undecided(PODS, f"label {bare} is not collected")
    plain = {"operator": expression.get("operator"), "values": expression.get("values")}
    if bare == _NAMESPACE:
        return selector({"matchExpressions": [{"key": NAME_LABEL, **plain}]}, "namespace")
    if bare == _ACCOUNT:
        return selector({"matchExpressions": [{"key": "name", **plain}]}, "account")
    if bare.startswith(_NAMESPACE_LABELS):
        return selector(
            {"matchExpressions": [{"key": bare.removeprefix(_NAMESPACE_LABELS), **plain}]}, "namespace"
        )
    return selector({"matchExpressions": [{"key": bare, **plain}]}, "pod")


def cidrs(written: object) -> Term:
    """fromCIDR, toCIDR: they match what is outside, never pods or nodes. Raises: Invalid."""
    nets = words(written, "CIDRs")
    return InBlock(union(part for net in nets for part in cidr(net)), parties=False)


def cidr_set(written: object, facts: Facts) -> Term:
    """fromCIDRSet, toCIDRSet. Raises: Invalid."""
    terms: list[Term] = []
    for entry in maps(written, "a CIDR set"):
        fields(entry, "an entry of a CIDR set", ("cidr", "except", "cidrGroupRef", "cidrGroupSelector"))
        excepted = words(entry.get("except"), "except")
        group = entry.get("cidrGroupRef")
        if entry.get("cidrGroupSelector") is not None or isinstance(group, str):
            chosen = (
                facts.cidr_group(group)
                if isinstance(group, str)
                else facts.cidr_groups(entry["cidrGroupSelector"])
            )
            without = union(part for net in excepted for part in cidr(net))
            terms.append(InBlock(subtract(chosen, without), parties=False))
        else:
            terms.append(InBlock(cidr(entry.get("cidr"), excepted), parties=False))
    return Some(tuple(terms))
