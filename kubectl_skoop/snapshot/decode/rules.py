"""Policy rules."""

from typing import Literal

from kubectl_skoop.model.packet import Network
from kubectl_skoop.netstack.routing.types import PolicyRule
from kubectl_skoop.snapshot.decode.entry import Entry, entries

FIB_RULE_INVERT, FIB_RULE_UNRESOLVED = 0x02, 0x04
FIB_RULE_IIF_DETACHED, FIB_RULE_OIF_DETACHED = 0x08, 0x10
NO_SUPPRESSION = 0xFFFFFFFF
ALL_BITS = 0xFFFF
_ACTIONS: dict[int, Literal["lookup", "goto", "nop", "blackhole", "unreachable", "prohibit"]] = {
    1: "lookup",
    2: "goto",
    3: "nop",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
}
_NOT_MODELLED = ("flowlabel", "flowlabel_mask", "dscp", "dscp_mask")


def decode_rules(data: object) -> tuple[PolicyRule, ...]:
    """Raises: FormatError."""
    return tuple(_rule(entry) for entry in entries(data, "$.rules"))


def _rule(entry: Entry) -> PolicyRule:
    family, flags, action = entry.family(), entry.number("flags"), entry.number("action")
    return PolicyRule(
        priority=entry.number("priority", 0),
        family=family,
        action=_ACTIONS.get(action, "nop"),
        table=entry.number("table"),
        goto=entry.number("goto", 0),
        goto_unresolved=bool(flags & FIB_RULE_UNRESOLVED),
        invert=bool(flags & FIB_RULE_INVERT),
        source=_prefix(entry, "src", family),
        destination=_prefix(entry, "dst", family),
        iif=entry.text("iifname", ""),
        iif_detached=bool(flags & FIB_RULE_IIF_DETACHED),
        oif=entry.text("oifname", ""),
        oif_detached=bool(flags & FIB_RULE_OIF_DETACHED),
        mark=entry.number("fwmark", 0),
        mask=entry.number("fwmask", 0),
        tos=entry.number("tos", 0),
        protocol=entry.number("ip_proto", 0),
        sport=_range(entry, "sport_range"),
        dport=_range(entry, "dport_range"),
        uid=_range(entry, "uid_range"),
        tunnel_id=entry.number("tun_id", 0),
        suppress_prefix=_suppression(entry, "suppress_prefixlen"),
        suppress_group=_suppression(entry, "suppress_ifgroup"),
        l3mdev=entry.flag("l3mdev"),
        realm=entry.number("flow", 0),
        unsupported=_unsupported(entry, action),
    )


def _prefix(entry: Entry, name: str, family: int) -> Network | None:
    length = f"{name}_len"
    return entry.network(name, length, family) if entry.number(length) else None


def _range(entry: Entry, name: str) -> tuple[int, int] | None:
    if name not in entry.fields:
        return None
    limits = entry.entry(name)
    return limits.number("start"), limits.number("end")


def _suppression(entry: Entry, name: str) -> int:
    value = entry.number(name, NO_SUPPRESSION)
    return -1 if value == NO_SUPPRESSION else value


def _unsupported(entry: Entry, action: int) -> str:
    """Selectors and actions without a field: those of newer kernels come under their numbers."""
    words = [] if action in _ACTIONS else [f"action {action}"]
    words += [name for name in _NOT_MODELLED if name in entry.fields]
    words += [name for name in ("sport_mask", "dport_mask") if entry.number(name, ALL_BITS) != ALL_BITS]
    words += [f"attribute {name}" for name in entry.fields if name.isdecimal() and name != PADDING]
    return ", ".join(words)


PADDING = "18"
