"""One table of a namespace, by the module beside this one that knows its form; what none knows goes."""

import re
from collections.abc import Mapping

from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.redact.counters import counters
from kubectl_skoop.snapshot.redact.ebtables import ARPTABLES, ebtables_text
from kubectl_skoop.snapshot.redact.ipset import ipset_text
from kubectl_skoop.snapshot.redact.iptables import iptables_text
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.listed import listed
from kubectl_skoop.snapshot.redact.netlink import rows
from kubectl_skoop.snapshot.redact.nft import nft_text
from kubectl_skoop.snapshot.redact.nft_raw import nft_raw
from kubectl_skoop.snapshot.redact.pseudonyms import NotKept, Pseudonyms
from kubectl_skoop.snapshot.redact.sysctl import sysctls, unread_sysctls
from kubectl_skoop.snapshot.redact.text import reason, recent_list

SAVED = frozenset(["iptables-legacy", "ip6tables-legacy", "iptables-nft", "ip6tables-nft", "arptables"])
NETLINK = listed(
    """
    links addresses routes rules neighbours proxy_neighbours fdb mdb nexthops nexthop_buckets bridge_vlans
    vlan_states vxlan_vnis qdiscs address_labels route_exceptions tc_filters bpf bpf_links bpf_cgroups
    conntrack expectations sockets xfrm ipvs wireguard team fou nft_hooks neighbour_tables
    """
)


def redact_table(name: str, table: Table, pseudonyms: Pseudonyms, left_out: LeftOut) -> Table | None:
    """None: a table that is not known."""
    try:
        data = _data(name, table.data, pseudonyms, left_out) if table.data is not None else None
    except _NotKnown:
        left_out.add(name if name in KNOWN else "a table", "a table that is not known")
        return None
    except (ValueError, RecursionError):
        left_out.add(name, "a table that cannot be read")
        return table._replace(state="failed", reason="left out: it cannot be read", data=None)
    return table._replace(data=data, reason=reason(table.reason))


KNOWN = (
    SAVED
    | NETLINK
    | listed(
        """
        ebtables-nft ebtables-legacy arptables-legacy ipset nft nft_raw sysctls sysctls_unread ethtool
        netnsids xt_recent counters
        """
    )
)
"""By name; another name says something of who made it."""


_FEATURE = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
"""The kernel's names of offloads."""


class _NotKnown(Exception):
    pass


def _data(name: str, data: object, pseudonyms: Pseudonyms, left_out: LeftOut) -> object:
    match name, data:
        case _, str() if name in SAVED:
            return iptables_text(data, pseudonyms, left_out, name)
        case "ebtables-nft", str():
            return ebtables_text(data, pseudonyms, left_out, name)
        case "arptables-legacy", str():
            return ebtables_text(data, pseudonyms, left_out, name, ARPTABLES)
        case "ipset", str():
            return ipset_text(data, pseudonyms, left_out, name)
        case "nft", str():
            return nft_text(data, pseudonyms, left_out, name)
        case "counters", Mapping():
            left_out.add(name, "columns that no diagnosis asks for")
            return counters(data)
        case "nft_raw", Mapping():
            return nft_raw(data, pseudonyms, left_out)
        case "sysctls", _:
            return sysctls(data, pseudonyms, left_out)
        case "sysctls_unread", _:
            return unread_sysctls(data, pseudonyms)
        case "ethtool", Mapping():
            return _ethtool(data, pseudonyms)
        case "netnsids", Mapping():
            return {key: number for key, number in data.items() if _is_identity(str(key))}
        case "user_namespace", Mapping():
            return {key: value for key, value in data.items() if key == "id" and _is_identity(str(value))}
        case "conntrack_cut", Mapping():
            only = data.get("only")
            kept = (
                ["-".join(map(pseudonyms.address, str(one).split("-"))) for one in only if one]
                if isinstance(only, list)
                else []
            )
            return {"only": kept, "left_out": data.get("left_out")}
        case "xt_recent", Mapping():
            return _recent(data, pseudonyms, left_out)
        case _ if name in NETLINK and not isinstance(data, str | bytes):
            return rows(data, pseudonyms, left_out, name)
        case _:
            raise _NotKnown


def _ethtool(data: Mapping[object, object], pseudonyms: Pseudonyms) -> dict[str, object]:
    kept: dict[str, object] = {}
    for device, told in data.items():
        features = told.get("features") if isinstance(told, Mapping) else None
        if isinstance(features, Mapping):
            flags = {
                name: value
                for name, value in features.items()
                if isinstance(value, bool) and _FEATURE.fullmatch(str(name))
            }
            kept[pseudonyms.name(str(device))] = {"features": flags}
    return kept


def _recent(data: Mapping[object, object], pseudonyms: Pseudonyms, left_out: LeftOut) -> dict[str, object]:
    lists = data.get("lists")
    if not isinstance(lists, Mapping):
        raise NotKept("no lists")
    kept = {
        pseudonyms.name(str(name)): recent_list(str(text), pseudonyms, left_out)
        for name, text in lists.items()
    }
    return {"jiffies": data.get("jiffies"), "lists": kept}


def _is_identity(text: str) -> bool:
    """`<st_dev>:<st_ino>`."""
    return text.replace(":", "").isdecimal()
