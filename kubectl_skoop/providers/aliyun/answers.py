"""Answers that `aliyun` printed, as files → what a snapshot keeps of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kubectl_skoop.api import InfraFile, InputError, raw
from kubectl_skoop.providers.aliyun.kept import KINDS, kept
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.documents import documents, reason

_LISTS: Mapping[str, tuple[str, str]] = {
    "EipAddresses": ("EipAddress", "EipAddresses"),
    "Instances": ("Instance", "Instances"),
    "Ipv4GatewayModels": ("", "Ipv4Gateways"),
    "ListenerHealthStatus": ("", "NetworkHealthStatus"),
    "NatGateways": ("NatGateway", "NatGateways"),
    "NetworkAcls": ("NetworkAcl", "NetworkAcls"),
    "NetworkInterfaceSets": ("NetworkInterfaceSet", "NetworkInterfaces"),
    "RouteEntrys": ("RouteEntry", "RouteEntries"),
    "SecurityGroups": ("SecurityGroup", "SecurityGroups"),
    "ServerGroups": ("", "ServerGroups"),
    "Servers": ("", "Servers"),
    "SnatTableEntries": ("SnatTableEntry", "SnatTableEntries"),
    "VSwitches": ("VSwitch", "VSwitches"),
    "Vpcs": ("Vpc", "Vpcs"),
}
"""Fields that hold a list: the field inside of them, if there is one, and the kind."""
_SINGLE: Mapping[str, str] = {
    "AclEntrys": "AccessControlLists",
    "Entries": "PrefixLists",
    "Permissions": "SecurityGroupRules",
}
"""Fields that answers about one thing have: the kind."""


class _Part(NamedTuple):
    """What one answer has of a kind."""

    kind: str
    items: Sequence[Item]


@dataclass(slots=True)
class _Section:
    """A snapshot's section of a VPC, as it is filled."""

    resources: dict[str, dict[str, Item]] = field(default_factory=dict)
    """By kind, then by key."""
    gaps: dict[str, str] = field(default_factory=dict)
    """Kinds of which not all is there, with the reason."""
    missing: dict[str, int] = field(default_factory=dict)
    """By kind: how many items the answers' totals promise beyond those that were seen."""

    def add(self, kind: str, items: Iterable[Item]) -> None:
        """Raises: ValueError."""
        found = self.resources.setdefault(kind, {})
        for item in items:
            pruned = kept(kind, item)
            key = str(pruned[KINDS[kind].key])
            found[key] = pruned

    def fields(self) -> Mapping[str, object]:
        """As plain data."""
        lacking = {
            kind: f"the answers lack {count} of what they say there is"
            for kind, count in self.missing.items()
            if count > 0
        }
        return {
            "resources": {kind: list(items.values()) for kind, items in sorted(self.resources.items())},
            "gaps": dict(sorted({**lacking, **self.gaps}.items())),
        }


def read(files: Sequence[InfraFile]) -> Mapping[str, object]:
    """Raises: InputError, with the file's name."""
    section = _Section()
    for file in files:
        try:
            for answer in documents(file.content):
                _take(section, file.name, answer)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{file.name}: {reason(error)}", hint="give what `aliyun` printed") from None
    return section.fields()


def _take(section: _Section, name: str, answer: object) -> None:
    if not isinstance(answer, Mapping):
        raise ValueError("is no answer of Alibaba Cloud: not a JSON object")
    part = _part(answer)
    if part is None:
        raise ValueError(f"is no answer that is known; it has {', '.join(map(str, answer)) or 'nothing'}")
    section.add(part.kind, part.items)
    if raw.text(answer, "NextToken"):
        section.gaps[part.kind] = f"{name} lacks the pages after its first"
    elif total := raw.number(answer, "TotalCount"):
        promised = total if raw.number(answer, "PageNumber") < 2 else 0
        section.missing[part.kind] = section.missing.get(part.kind, 0) + promised - len(part.items)


def _part(answer: Item) -> _Part | None:
    if "BackendServers" in answer:
        return _Part(_kind_of_servers(answer), [answer])
    if "LoadBalancers" in answer or "Listeners" in answer:
        return _of_balancers(answer)
    if "NetworkAclAttribute" in answer:
        return _Part("NetworkAcls", _items("NetworkAclAttribute", [answer["NetworkAclAttribute"]]))
    for key, kind in _SINGLE.items():
        if key in answer:
            return _Part(kind, [answer])
    for key, (inner, kind) in _LISTS.items():
        if key in answer:
            value = raw.dig(answer, key, inner) if inner else answer[key]
            return _Part(kind, _items(f"{key}.{inner}" if inner else key, value))
    return None


def _kind_of_servers(answer: Item) -> str:
    """Three operations answer with `BackendServers`."""
    if "VServerGroupId" in answer:
        return "VServerGroups"
    if "LoadBalancerStatus" in answer:
        return "DefaultServers"
    if not isinstance(answer.get("LoadBalancerId"), str):
        raise ValueError("BackendServers do not say of which LoadBalancerId they are: print it beside them")
    return "HealthStatus"


def _of_balancers(answer: Item) -> _Part:
    """SLB and NLB name their lists alike: the one's balancers are wrapped, the other's listeners have ids."""
    if isinstance(answer.get("LoadBalancers"), Mapping):
        inner = raw.dig(answer, "LoadBalancers", "LoadBalancer")
        return _Part("LoadBalancers", _items("LoadBalancers.LoadBalancer", inner))
    if "LoadBalancers" in answer:
        return _Part("NetworkBalancers", _items("LoadBalancers", answer["LoadBalancers"]))
    listeners = _items("Listeners", answer["Listeners"])
    return _Part(
        "NetworkListeners" if any("ListenerId" in one for one in listeners) else "Listeners", listeners
    )


def _items(where: str, value: object) -> Sequence[Item]:
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        raise ValueError(f"{where} is no list of objects")
    return value
