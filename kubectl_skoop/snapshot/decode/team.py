"""Options of team devices by index."""

from collections.abc import Iterable

from kubectl_skoop.netstack.devices.team_types import NO_MODE, Team, TeamPort
from kubectl_skoop.snapshot.decode.entry import Entry, entries

DECIDING = frozenset({"mode", "activeport", "enabled", "user_linkup", "user_linkup_enabled", "queue_id"})
HARMLESS = frozenset(
    {"priority", "notify_peers_count", "notify_peers_interval", "mcast_rejoin_count", "mcast_rejoin_interval"}
    | {"bpf_hash_func", "lb_tx_method", "lb_port_stats", "lb_stats_refresh_interval"}
)
"""They choose one of the ports that are used, or none of them."""


def decode_teams(data: object) -> dict[int, Team]:
    """Raises: FormatError."""
    return {
        entry.number("ifindex"): _team(list(entry.entries("options"))) for entry in entries(data, "$.team")
    }


def _team(options: list[Entry]) -> Team:
    mode, active, unmodelled = NO_MODE, 0, ""
    ports: dict[int, list[Entry]] = {}
    for option in options:
        match option.text("name"):
            case "mode":
                mode = option.text("value")
            case "activeport":
                active = option.number("value", 0)
            case "queue_id" if option.number("value", 0):
                unmodelled = "it sends some packets by the port of their queue"
            case name if name not in DECIDING | HARMLESS:
                unmodelled = f"it has an option that is not known, {name}"
        if "port" in option.fields:
            ports.setdefault(option.number("port"), []).append(option)
    return Team(mode, active, {index: _port(told) for index, told in ports.items()}, unmodelled)


def _port(options: Iterable[Entry]) -> TeamPort:
    flags = {option.text("name"): option for option in options}

    def is_set(name: str, default: bool) -> bool:
        return flags[name].flag("value", default) if name in flags else default

    by_user = is_set("user_linkup_enabled", False)
    return TeamPort(
        enabled=is_set("enabled", True),
        user_link=is_set("user_linkup", False) if by_user else None,
    )
