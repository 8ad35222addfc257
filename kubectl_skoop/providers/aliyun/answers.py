"""Answers that `aliyun` printed, as files → what a snapshot keeps of them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubectl_skoop.api import InfraFile, InputError, raw
from kubectl_skoop.providers.aliyun.kept import KINDS, kept
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.documents import OTHER, documents, reason
from kubectl_skoop.providers.section import Section, later_added

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
_PAGED: Mapping[str, tuple[str, str]] = {
    "AccessControlLists": ("AclEntrys", "AclEntry"),
    "SecurityGroupRules": ("Permissions", "Permission"),
}
"""Kinds of things whose entries come in pages, and where they are."""


class Part(NamedTuple):
    """What one answer has of a kind."""

    kind: str
    items: Sequence[Item]


def section() -> Section:
    """An empty one."""
    return Section(KINDS, kept, joined)


def joined(kind: str, old: Item, new: Item) -> Item:
    """Of two answers about one thing; entries of a list that came in pages add up."""
    made = dict(later_added(kind, old, new))
    if (path := _PAGED.get(kind)) is not None:
        outer, inner = path
        entries = [*raw.items(old, outer, inner), *raw.items(new, outer, inner)]
        made[outer] = {inner: list({json.dumps(one, sort_keys=True): one for one in entries}.values())}
    return made


def read(files: Sequence[InfraFile]) -> Mapping[str, object]:
    """Raises: InputError, with the file's name."""
    made, promised = section(), _Promised()
    for file in files:
        try:
            for answer in documents(file.content):
                _take_own(made, promised, file.name, answer)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{file.name}: {reason(error)}", hint=f"give what `aliyun` printed; {OTHER}"
            ) from None
    made.gaps = {**promised.lacking(made), **made.gaps}
    return made.fields()


class _Promised:
    """How many items the answers' totals promise."""

    def __init__(self) -> None:
        self.missing: Counter[str] = Counter()
        """By kind: those beyond what was seen."""
        self.entries: dict[tuple[str, str], int] = {}
        """Of things whose entries come in pages, by kind and key."""

    def lacking(self, made: Section) -> Mapping[str, str]:
        found = Counter({kind: count for kind, count in self.missing.items() if count > 0})
        for (kind, key), total in self.entries.items():
            outer, inner = _PAGED[kind]
            found[kind] += max(0, total - len(raw.items(made.resources[kind][key], outer, inner)))
        return {
            kind: f"the answers lack {count} of what they say there is"
            for kind, count in found.items()
            if count > 0
        }


def _take_own(made: Section, promised: _Promised, name: str, answer: object) -> None:
    try:
        _take(made, promised, name, answer)
    except ValueError as error:
        foreign = isinstance(answer, Mapping) and "RequestId" not in answer
        why = "; it has no RequestId, as answers of Alibaba Cloud have" if foreign else ""
        raise ValueError(f"{error}{why}") from None


def _take(made: Section, promised: _Promised, name: str, answer: object) -> None:
    if not isinstance(answer, Mapping):
        raise ValueError("is no answer of Alibaba Cloud: not a JSON object")
    found = part(answer)
    if found is None:
        raise ValueError(f"is no answer that is known; it has {', '.join(map(str, answer)) or 'nothing'}")
    made.add(found.kind, found.items)
    if found.kind in _PAGED and (total := raw.number(answer, "TotalAclEntry")):
        promised.entries[found.kind, raw.text(answer, KINDS[found.kind].key)] = total
    if raw.text(answer, "NextToken"):
        made.gaps[found.kind] = f"{name} lacks the pages after its first"
    elif total := raw.number(answer, "TotalCount"):
        first = raw.number(answer, "PageNumber") < 2
        promised.missing[found.kind] += (total if first else 0) - len(found.items)


def part(answer: Item) -> Part | None:
    """None: an answer that is not known. Raises: ValueError."""
    if "BackendServers" in answer:
        return Part(_kind_of_servers(answer), [answer])
    if "LoadBalancers" in answer or "Listeners" in answer:
        return _of_balancers(answer)
    if "NetworkAclAttribute" in answer:
        return Part("NetworkAcls", _items("NetworkAclAttribute", [answer["NetworkAclAttribute"]]))
    for key, kind in _SINGLE.items():
        if key in answer:
            return Part(kind, [answer])
    for key, (inner, kind) in _LISTS.items():
        if key in answer:
            value = raw.dig(answer, key, inner) if inner else answer[key]
            return Part(kind, _items(f"{key}.{inner}" if inner else key, value))
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


def _of_balancers(answer: Item) -> Part:
    """SLB and NLB name their lists alike: the one's balancers are wrapped, the other's listeners have ids."""
    if isinstance(answer.get("LoadBalancers"), Mapping):
        inner = raw.dig(answer, "LoadBalancers", "LoadBalancer")
        return Part("LoadBalancers", _items("LoadBalancers.LoadBalancer", inner))
    if "LoadBalancers" in answer:
        return Part("NetworkBalancers", _items("LoadBalancers", answer["LoadBalancers"]))
    listeners = _items("Listeners", answer["Listeners"])
    return Part(
        "NetworkListeners" if any("ListenerId" in one for one in listeners) else "Listeners", listeners
    )


def _items(where: str, value: object) -> Sequence[Item]:
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        raise ValueError(f"{where} is no list of objects")
    return value
