"""Cuts an object down to what may go into a snapshot: never Secrets, environment or arbitrary annotations."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kubectl_skoop.cluster.fields import (
    ADMIN_POLICY_KINDS,
    CALICO_POLICY_KINDS,
    CILIUM_POLICY_KINDS,
    CLUSTER_WIDE,
    FIELDS,
    METADATA,
    METADATA_OF,
    OTHERS,
    Fields,
)
from kubectl_skoop.cluster.raw import Object, labels, mapping, text
from kubectl_skoop.cluster.secondary import OLD_STATUS, STATUS

_CALICO = ("crd.projectcalico.org", "projectcalico.org")
_GROUPS: Mapping[tuple[str, str], str] = {
    ("", "Pod"): "Pod",
    ("", "Node"): "Node",
    ("", "Service"): "Service",
    ("", "Endpoints"): "Endpoints",
    ("", "Namespace"): "Namespace",
    ("", "ConfigMap"): "ConfigMap",
    ("apps", "DaemonSet"): "DaemonSet",
    ("discovery.k8s.io", "EndpointSlice"): "EndpointSlice",
    ("networking.k8s.io", "NetworkPolicy"): "NetworkPolicy",
    ("networking.k8s.io", "ServiceCIDR"): "ServiceCIDR",
    **{(group, "IPPool"): "IPPool" for group in _CALICO},
    **{(group, "Node"): "CalicoNode" for group in _CALICO},
    **{(group, "BlockAffinity"): "BlockAffinity" for group in _CALICO},
    **{(group, kind): f"Calico{kind}" for group in _CALICO for kind in CALICO_POLICY_KINDS},
    **{("policy.networking.k8s.io", kind): kind for kind in ADMIN_POLICY_KINDS},
    **{("cilium.io", kind): kind for kind in CILIUM_POLICY_KINDS},
}

ANNOTATIONS = frozenset(
    {
        "flannel.alpha.coreos.com/backend-data",
        "flannel.alpha.coreos.com/backend-type",
        "flannel.alpha.coreos.com/backend-v6-data",
        "flannel.alpha.coreos.com/kube-subnet-manager",
        "flannel.alpha.coreos.com/public-ip",
        "flannel.alpha.coreos.com/public-ip-overwrite",
        "flannel.alpha.coreos.com/public-ipv6",
        "kube-router.io/service.hairpin",
        "kube-router.io/service.local",
        "kube-router.io/service.scheduler",
        "kube-router.io/service.skiplbips",
        STATUS,
        OLD_STATUS,
        "projectcalico.org/IPv4Address",
        "projectcalico.org/IPv4IPIPTunnelAddr",
        "projectcalico.org/IPv4VXLANTunnelAddr",
        "projectcalico.org/IPv4WireguardInterfaceAddr",
        "projectcalico.org/IPv6Address",
        "projectcalico.org/IPv6VXLANTunnelAddr",
        "projectcalico.org/IPv6WireguardInterfaceAddr",
        "projectcalico.org/RouteReflectorClusterID",
        "projectcalico.org/VXLANTunnelMACAddr",
        "projectcalico.org/VXLANTunnelMACAddrV6",
        "projectcalico.org/WireguardPublicKey",
        "projectcalico.org/WireguardPublicKeyV6",
    }
)
_KUBE_PROXY = ("kube-proxy", "kube-proxy-worker")
_CONFIG_MAPS = (
    *(f"kube-system/{name}" for name in _KUBE_PROXY),
    "kube-flannel/kube-flannel-cfg",
    "kube-system/kube-flannel-cfg",
)
_KUBE_PROXY_FIELD = re.compile(
    r"^(?:(?:mode|clusterCIDR):.*\n|nodePortAddresses:.*\n(?:[ \t]*-.*\n)*)", re.MULTILINE
)
"""With the list that follows the name."""
_MASQUERADE_ALL = re.compile(
    r"^(iptables|nftables):[ \t]*\n(?:[ \t].*\n)*?[ \t]+masqueradeAll:[ \t]*(true|false)\b", re.MULTILINE
)
_DEEPEST = 16
"""Maps and lists inside each other that are kept of a policy."""
_LONGEST_VALUE = 64 << 10
"""Of an annotation or an entry of a ConfigMap, characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What plugins and providers want beside the built-in list."""

    annotations: frozenset[str] = frozenset()
    config_maps: frozenset[str] = frozenset()
    """`namespace/name`: kept whole."""
    kinds: frozenset[str] = frozenset()
    """Custom resources as `Kind.group`: kept whole but for their metadata."""


BUILT_IN = Allowed()


def wanted(allowed: Allowed = BUILT_IN) -> Mapping[tuple[str, str], str]:
    """(API group, kind) → the kind under which a snapshot keeps it; of two for one kind the first counts."""
    custom = {}
    for name in sorted(allowed.kinds):
        kind, _, group = name.partition(".")
        custom[group, kind] = name
    return {**_GROUPS, **custom}


def config_maps(allowed: Allowed = BUILT_IN) -> tuple[str, ...]:
    """`namespace/name` of the ConfigMaps that a snapshot may keep a part of."""
    return tuple(sorted({*_CONFIG_MAPS, *allowed.config_maps}))


def kind_of(item: Object, allowed: Allowed = BUILT_IN) -> str | None:
    """The kind under which a snapshot keeps the object; None: it keeps none of these.

    The group counts: a NetworkPolicy of another group is another thing.
    """
    group, _, version = text(item, "apiVersion").rpartition("/")
    kind = text(item, "kind")
    known = _GROUPS.get((group, kind))
    if known is not None or not version:
        return known
    return name if (name := f"{kind}.{group}") in allowed.kinds else None


def prune(item: Object, allowed: Allowed = BUILT_IN) -> Object | None:
    """The object with what is allowed of it, `kind` as `kind_of` says; None: nothing is."""
    kind = kind_of(item, allowed)
    if kind is None:
        return None
    metadata = _kept(mapping(item, "metadata"), METADATA_OF.get(kind, METADATA))
    if kind not in CLUSTER_WIDE and kind in FIELDS and "namespace" not in metadata:
        metadata["namespace"] = "default"
    wanted = ANNOTATIONS | allowed.annotations
    annotations = {
        key: value
        for key, value in labels(item, "metadata", "annotations").items()
        if key in wanted and len(value) <= _LONGEST_VALUE
    }
    if annotations:
        metadata["annotations"] = annotations
    if kind == "ConfigMap":
        data = _config_data(item, allowed)
        return {"kind": kind, "metadata": metadata, "data": data} if data else None
    fields = FIELDS.get(kind)
    if fields is None:
        return {"kind": kind, "metadata": metadata, "spec": item.get("spec"), "status": item.get("status")}
    return {"kind": kind, "metadata": metadata, **_kept(item, fields)}


def _kept(item: Mapping[str, object], fields: Fields) -> dict[str, object]:
    kept = {}
    for key, inner in fields.items():
        value = _value(item.get(key), inner)
        if value is not None:
            kept[key] = value
    if OTHERS in fields:
        for key, value in item.items():
            if value is not None and key not in kept:
                # Of the wrong type, or not on the list: its reader must know that something is there.
                kept[str(key)] = True if key in fields else _value(value, fields[OTHERS])
    return kept


def _value(value: object, inner: object) -> object:
    match inner:
        case 1:
            return _plain(value)
        case "whole":
            return _whole(value, _DEEPEST)
        case "present":
            return None if value is None else True
        case "strings" if isinstance(value, Mapping):
            return {str(key): str(entry) for key, entry in value.items()}
        case [Mapping() as fields] if isinstance(value, list):
            kept = [_kept(entry, fields) for entry in value if isinstance(entry, Mapping)]
            return True if OTHERS in fields and len(kept) < len(value) else kept
        case Mapping() as fields if isinstance(value, Mapping):
            return _kept(value, fields)
        case _:
            return None


def _plain(value: object) -> object:
    """A scalar or a list of scalars, else None."""
    match value:
        case str() | int() | float() | bool():
            return value
        case list():
            return [entry for entry in value if isinstance(entry, str | int | float | bool)]
        case _:
            return None


def _whole(value: object, depth: int) -> object:
    """Plain data all the way down; what is nested too deep is only said to be there."""
    match value:
        case str() | int() | float() | bool() | None:
            return value
        case _ if not depth:
            return True
        case list():
            return [_whole(entry, depth - 1) for entry in value]
        case Mapping():
            return {str(key): _whole(entry, depth - 1) for key, entry in value.items()}
        case _:
            return str(value)


def masquerade_settings(config: str) -> str:
    """What the sections of a KubeProxyConfiguration say of `masqueradeAll`, and no more of them."""
    found = _MASQUERADE_ALL.findall(config)
    return "".join(f"{section}:\n  masqueradeAll: {value}\n" for section, value in found)


def _config_data(item: Object, allowed: Allowed) -> dict[str, str]:
    name = f"{text(item, 'metadata', 'namespace')}/{text(item, 'metadata', 'name')}"
    data = {key: value for key, value in labels(item, "data").items() if len(value) <= _LONGEST_VALUE}
    if name in allowed.config_maps:
        return data
    namespace, _, bare = name.partition("/")
    if namespace == "kube-system" and bare in _KUBE_PROXY and "config.conf" in data:
        config = data["config.conf"]
        plain = "".join(_KUBE_PROXY_FIELD.findall(f"{config}\n"))
        return {"config.conf": plain + masquerade_settings(config)}
    if bare == "kube-flannel-cfg" and "net-conf.json" in data:
        return {"net-conf.json": data["net-conf.json"]}
    return {}
