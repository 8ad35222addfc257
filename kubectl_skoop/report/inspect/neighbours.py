"""`ip neigh show nud all`, with proxy entries, and `bridge fdb`."""

from collections.abc import Iterator

from kubectl_skoop.report.inspect.state import State
from kubectl_skoop.report.inspect.words import NEIGHBOUR_STATES, words
from kubectl_skoop.snapshot.decode.entry import Entry

_ROUTER = 0x80
_FLAGS = {0x02: "self", _ROUTER: "router", 0x10: "extern_learn", 0x20: "offload", 0x40: "sticky"}
"""NTF_*, in the order of bridge/fdb.c."""
_NOARP, _PERMANENT, _STALE = 0x40, 0x80, 0x04
_BRIDGE, _ROUTED = 7, (2, 10)


def print_neighbours(state: State) -> Iterator[str]:
    for row in state.rows("neighbours"):
        if row.number("family") not in _ROUTED:
            continue
        parts = [row.text("dst", ""), f"dev {state.device(row.number('ifindex'))}"]
        if mac := row.text("lladdr", ""):
            parts.append(f"lladdr {mac}")
        if row.number("flags") & _ROUTER:
            parts.append("router")
        yield " ".join([*parts, *(words(NEIGHBOUR_STATES, row.number("state")) or ["NONE"])])
    for row in state.rows("proxy_neighbours"):
        yield f"{row.text('dst', '')} dev {state.device(row.number('ifindex'))} proxy"


def print_fdb(state: State) -> Iterator[str]:
    for row in state.rows("fdb"):
        if row.number("family") == _BRIDGE:
            yield " ".join(_forwarding(state, row))


def _forwarding(state: State, row: Entry) -> Iterator[str]:
    yield row.text("lladdr", "")
    yield f"dev {state.device(row.number('ifindex'))}"
    if "dst" in row.fields:
        yield f"dst {row.text('dst')}"
    if vlan := row.number("vlan", 0):
        yield f"vlan {vlan}"
    if port := row.number("port", 0):
        yield f"port {port}"
    if "vni" in row.fields:
        yield f"vni {row.number('vni')}"
    if out := row.number("out_ifindex", 0):
        yield f"via {state.device(out)}"
    if number := row.number("nh_id", 0):
        yield f"nhid {number}"
    flags, entry_state = row.number("flags"), row.number("state")
    for bit, name in _FLAGS.items():
        if flags & bit:
            yield name
    if master := row.number("master", 0):
        yield f"master {state.device(master)}"
    if entry_state & _PERMANENT:
        yield "permanent"
    elif entry_state & _NOARP:
        yield "static"
    elif entry_state & _STALE:
        yield "stale"
