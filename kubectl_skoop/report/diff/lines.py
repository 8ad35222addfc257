"""The other tables as lines, without what changes by itself: ages, counters, timers, indexes."""

import re
from collections.abc import Iterator

from kubectl_skoop.report.inspect.links import print_links
from kubectl_skoop.report.inspect.neighbours import print_fdb, print_neighbours
from kubectl_skoop.report.inspect.printer import print_sysctls
from kubectl_skoop.report.inspect.routes import print_routes, print_rules
from kubectl_skoop.report.inspect.state import State
from kubectl_skoop.report.inspect.words import PROTOCOLS, word
from kubectl_skoop.snapshot.decode.entry import Entry

_INDEX = re.compile(r"^\d+: ")
_PEER = re.compile(r"@if\d+:")
_NAMESPACE = re.compile(r" link-netnsid \d+")
_AGES = re.compile(r"\b(?:REACHABLE|STALE|DELAY|PROBE)\b")
_VOLATILE = frozenset(
    (
        *("hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "message_age_timer", "link"),
        *("forward_delay_timer", "hold_timer", "fdb_n_learned", "config_pending", "mcast_n_groups"),
        *("topology_change", "topology_change_detected", "topology_change_ack", "mcast_eht_hosts_cnt"),
    )
)
_OF_PORTS = frozenset(("id", "no", "designated_port", "designated_cost"))
"""Numbers of bridge ports, which they get in the order in which they join."""
_COUNTERS = frozenset({"net.netfilter.nf_conntrack_count"})
_OF_DEVICE = re.compile(r"net\.\w+\.(?:conf|neigh)\.([^.]+)\.")
_LISTEN, _UNCONNECTED, _UDP = 10, 7, 17
_SET_SIZES = re.compile(r" (?:hashsize|initval|timeout|packets|bytes) \S+")
_TIMEOUT_OF_SET = re.compile(r" (?:hashsize|initval) \S+")


def routes(state: State) -> Iterator[str]:
    """Each with its next hops in one line; exceptions that the kernel learned are left out."""
    line = ""
    for part in print_routes(state.only("links", "routes")):
        if part.startswith("    "):
            line += f" {part.strip()}"
            continue
        if line:
            yield line
        line = part
    if line:
        yield line


def rules(state: State) -> Iterator[str]:
    return print_rules(state)


def neighbours(state: State) -> Iterator[str]:
    """How long ago one was heard of does not count."""
    return (_AGES.sub("REACHABLE", line) for line in print_neighbours(state))


def fdb(state: State) -> Iterator[str]:
    return (line.removesuffix(" stale") for line in print_fdb(state))


def links(state: State) -> Iterator[str]:
    """Each line begins with its device; settings of a kind are a line each."""
    device = ""
    for line in print_links(state):
        if not line.startswith("    "):
            written = _PEER.sub(":", _INDEX.sub("", line))
            device = written.partition(":")[0].partition("@")[0]
            yield written
            continue
        words = _NAMESPACE.sub("", line).split()
        if words[0].startswith(("link/", "inet")):
            yield f"{device}: {' '.join(words)}"
            continue
        kind, settings = words[0], words[1:]
        yield f"{device}: {kind}"
        port = kind.endswith("_slave")
        for name, value in zip(settings[::2], settings[1::2], strict=False):
            if name not in _VOLATILE and not (port and name in _OF_PORTS):
                yield f"{device}: {kind} {name} {value}"


def sockets(state: State) -> Iterator[str]:
    """Those that wait for packets; connections come and go."""
    for row in state.rows("sockets"):
        protocol, socket_state = row.number("protocol"), row.number("state")
        if socket_state == _LISTEN or (protocol == _UDP and socket_state == _UNCONNECTED):
            yield f"{word(PROTOCOLS, protocol)} {_local(state, row)}"


def _local(state: State, row: Entry) -> str:
    device = row.number("if", 0)
    address, scope = row.text("src"), f"%{state.device(device)}" if device else ""
    written = f"[{address}]" if ":" in address else address
    only = " v6only" if row.flag("skv6only") else ""
    return f"{written}{scope}:{row.number('sport')}{only}"


def sysctls(state: State) -> Iterator[str]:
    return (line for line in print_sysctls(state) if line.partition(" ")[0] not in _COUNTERS)


def device_of_sysctl(line: str) -> str:
    """Empty: not of one device."""
    found = _OF_DEVICE.match(line)
    return found[1].replace("/", ".") if found and found[1] not in ("all", "default") else ""


def ipset(state: State) -> Iterator[str]:
    for line in state.text("ipset").split("\n"):
        if line:
            yield (_SET_SIZES if line.startswith("add ") else _TIMEOUT_OF_SET).sub("", line)
