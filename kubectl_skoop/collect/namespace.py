"""All tables of one namespace."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from kubectl_skoop.collect.bpf import read_bpf
from kubectl_skoop.collect.ethtool import read_ethtool
from kubectl_skoop.collect.features import Kernel
from kubectl_skoop.collect.fou import read_fou
from kubectl_skoop.collect.ipvs import read_ipvs
from kubectl_skoop.collect.netfilter import NetfilterReading
from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.netlink.socket import (
    NETLINK_GENERIC,
    NETLINK_NETFILTER,
    NETLINK_ROUTE,
    NETLINK_SOCK_DIAG,
    NETLINK_XFRM,
    NetlinkSocket,
)
from kubectl_skoop.collect.netns import entered
from kubectl_skoop.collect.nfnetlink.conntrack import read_conntrack
from kubectl_skoop.collect.nfnetlink.expectations import read_expectations
from kubectl_skoop.collect.nfnetlink.hooks import read_hooks
from kubectl_skoop.collect.procnet import connections, read_counters, read_recent
from kubectl_skoop.collect.rtnetlink.netnsid import read_netnsids
from kubectl_skoop.collect.rtnetlink.tables import DUMPS, read_filters, read_vlan_states
from kubectl_skoop.collect.selection import Cut, Selection, Wanted
from kubectl_skoop.collect.sockets import read_sockets
from kubectl_skoop.collect.sysctls import Reading, read_all
from kubectl_skoop.collect.table import Absent, read_table
from kubectl_skoop.collect.team import read_teams
from kubectl_skoop.collect.wireguard import read_wireguard
from kubectl_skoop.collect.xfrm import read_xfrm
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.packed_rows import PackedRows


def read_namespace(
    netns: Path, kernel: Kernel, known: Mapping[str, Path], conntrack: Wanted = "all"
) -> dict[str, Table]:
    """`known`: the other namespaces of the node by their identity, to name those that links lead to.

    Raises:
        CannotEnter: the namespace cannot be entered.
        OSError: no socket can be opened in it.
    """
    with entered(netns):
        netfilter = NetfilterReading(kernel)
        try:
            tables = _read_tables(kernel, known, conntrack)
        finally:
            rules = netfilter.finish()
        return tables | rules


def _read_tables(kernel: Kernel, known: Mapping[str, Path], conntrack: Wanted) -> dict[str, Table]:
    tables = dict(_route_tables(known))
    links = _entries(tables["links"])
    tables["ethtool"] = read_table(lambda: read_ethtool(_texts(links, "ifname")))
    tables["bpf"] = read_table(lambda: read_bpf(_numbers(links, "index")))
    tables |= _conntrack_tables(kernel, conntrack)
    tables["expectations"] = read_table(lambda: _read_expectations(kernel))
    tables["sockets"] = read_table(lambda: _read_sockets(kernel))
    tables["nft_hooks"] = read_table(lambda: _read_hooks(kernel))
    tables["xfrm"] = read_table(lambda: _read_xfrm(kernel))
    tables["ipvs"] = read_table(read_ipvs)
    tables |= _sysctl_tables()
    tables["wireguard"] = read_table(lambda: _read_wireguard(kernel, links))
    tables["fou"] = read_table(lambda: _read_fou(kernel))
    tables["team"] = read_table(lambda: _read_teams(links))
    tables["counters"] = read_table(read_counters)
    tables["xt_recent"] = read_table(read_recent)
    return tables


def _route_tables(known: Mapping[str, Path]) -> Iterator[tuple[str, Table]]:
    with NetlinkSocket(NETLINK_ROUTE, strict=True) as socket:
        tables = {}
        for name, dump in DUMPS.items():
            tables[name] = read_table(partial(dump.read, socket))
            yield name, tables[name]
        yield "tc_filters", _read_filters(socket, tables["qdiscs"])
        if any(map(_tells_vlans_apart, _entries(tables["links"]))):
            yield "vlan_states", read_table(lambda: read_vlan_states(socket))
        wanted = _numbers(_entries(tables["links"]), "link_netnsid")
        yield "netnsids", read_table(lambda: read_netnsids(socket, wanted, known))


def _read_filters(socket: NetlinkSocket, qdiscs: Table) -> Table:
    """Filters hang on queueing disciplines: where these could not be read, those are unread, too."""
    if qdiscs.state != "ok":
        return qdiscs._replace(reason=f"qdiscs: {qdiscs.reason}")
    return read_table(lambda: read_filters(socket, _entries(qdiscs)))


def _tells_vlans_apart(link: Fields) -> bool:
    """A bridge that filters VLANs."""
    info = link.get("linkinfo")
    data = info.get("data") if isinstance(info, dict) and info.get("kind") == "bridge" else None
    return isinstance(data, dict) and bool(data.get("vlan_filtering"))


def _sysctl_tables() -> dict[str, Table]:
    table = read_table(read_all)
    if not isinstance(table.data, Reading):
        return {"sysctls": table}
    return {
        "sysctls": table._replace(data=table.data.values),
        "sysctls_unread": table._replace(data=table.data.unread),
    }


def _read_wireguard(kernel: Kernel, links: Sequence[Fields]) -> list[Fields]:
    if not kernel.has("wireguard", "CONFIG_WIREGUARD"):
        raise Absent("wireguard is not loaded")
    with NetlinkSocket(NETLINK_GENERIC) as socket:
        return read_wireguard(socket, _of_kind(links, "wireguard"))


def _read_fou(kernel: Kernel) -> list[Fields]:
    if not kernel.has("fou", "CONFIG_NET_FOU"):
        raise Absent("fou is not loaded")
    with NetlinkSocket(NETLINK_GENERIC) as socket:
        return read_fou(socket)


def _read_teams(links: Sequence[Fields]) -> list[Fields]:
    """Where there is a device of the kind its module is loaded."""
    devices = _of_kind(links, "team")
    if not devices:
        return []
    with NetlinkSocket(NETLINK_GENERIC) as socket:
        return read_teams(socket, devices)


def _of_kind(links: Sequence[Fields], kind: str) -> list[int]:
    """Indexes of the devices."""
    return [
        index
        for link in links
        if isinstance(info := link.get("linkinfo"), dict)
        and info.get("kind") == kind
        and isinstance(index := link["index"], int)
    ]


def _conntrack_tables(kernel: Kernel, wanted: Wanted) -> dict[str, Table]:
    """With `conntrack_cut` where entries are left out. None at all where none are wanted: then the table
    counts as not collected, not as empty."""
    if wanted == "none":
        table = read_table(lambda: _require_conntrack(kernel))
        return {} if table.state == "ok" else {"conntrack": table}
    selection = None if wanted == "all" else wanted
    table = read_table(lambda: _read_conntrack(kernel, selection))
    match table.data:
        case (entries, Cut() as cut):
            table = table._replace(data=entries, reason=str(cut))
            return {"conntrack": table} | (
                {"conntrack_cut": table._replace(data=cut.packed())} if any(cut) else {}
            )
        case _:
            return {"conntrack": table}


def _read_conntrack(kernel: Kernel, selection: Selection | None) -> tuple[PackedRows, Cut]:
    _require_conntrack(kernel)
    if connections() == 0:
        return PackedRows(), Cut(())
    with NetlinkSocket(NETLINK_NETFILTER) as socket:
        return read_conntrack(socket, selection)


def _read_expectations(kernel: Kernel) -> list[Fields]:
    _require_conntrack(kernel)
    if connections() == 0:
        return []
    with NetlinkSocket(NETLINK_NETFILTER) as socket:
        return read_expectations(socket)


def _require_conntrack(kernel: Kernel) -> None:
    if not kernel.has("nf_conntrack_netlink", "CONFIG_NF_CT_NETLINK"):
        if kernel.has("nf_conntrack", "CONFIG_NF_CONNTRACK"):
            raise OSError("nf_conntrack is loaded, but not nf_conntrack_netlink, which lists its entries")
        raise Absent("nf_conntrack is not loaded")


def _read_sockets(kernel: Kernel) -> list[Fields]:
    for module in ("inet_diag", "tcp_diag", "udp_diag"):
        option = f"CONFIG_INET_{module.removeprefix('inet_').upper()}"
        if not kernel.has(module, option):
            raise OSError(f"{module}, which lists sockets, is not loaded")
    with NetlinkSocket(NETLINK_SOCK_DIAG) as socket:
        return read_sockets(socket)


def _read_hooks(kernel: Kernel) -> list[Fields]:
    if not kernel.has("nfnetlink_hook", "CONFIG_NETFILTER_NETLINK_HOOK"):
        raise Absent("nfnetlink_hook, which tells the order of hooks, is not loaded")
    with NetlinkSocket(NETLINK_NETFILTER) as socket:
        return read_hooks(socket)


def _read_xfrm(kernel: Kernel) -> dict[str, object]:
    if not kernel.has("xfrm_user", "CONFIG_XFRM_USER"):
        raise Absent("xfrm_user is not loaded")
    with NetlinkSocket(NETLINK_XFRM) as socket:
        return read_xfrm(socket)


def _entries(table: Table) -> Sequence[Fields]:
    return table.data if isinstance(table.data, list) else ()


def _texts(entries: Sequence[Fields], name: str) -> list[str]:
    return [value for entry in entries if isinstance(value := entry.get(name), str)]


def _numbers(entries: Sequence[Fields], name: str) -> list[int]:
    return [value for entry in entries if isinstance(value := entry.get(name), int)]
