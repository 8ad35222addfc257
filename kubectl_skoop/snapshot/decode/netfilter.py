"""Rules of all back ends, handed to the loader as text: chains are parsed when they are reached."""

from dataclasses import replace
from functools import partial

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.netfilter.types import IP_HOOKS, Netfilter
from kubectl_skoop.snapshot.decode.entry import text
from kubectl_skoop.snapshot.decode.programs import HookPrograms, decode_hook_programs
from kubectl_skoop.snapshot.decode.tables import Tables
from kubectl_skoop.snapshot.limits import Refused, parse_json

LISTED = "# arptables-legacy -n -L"
"""First line of what agents write that list these rules."""
SAVED = ("iptables-legacy", "ip6tables-legacy", "iptables-nft", "ip6tables-nft")
ALL = frozenset({*SAVED, "nft", "nft_raw", "nft_hooks", "ipvs", "arptables-legacy", "ebtables-legacy"})


def decode_netfilter(tables: Tables) -> Netfilter:
    """What could not be read is in `Netfilter.unknowns` too."""
    saved: dict[str, str | None] = {}
    for name in SAVED:
        saved[name] = tables.decode(name, partial(_saved, name), None)
    tables.decode("ebtables-legacy", lambda data: data, None)
    ebtables = tables.decode("ebtables-nft", partial(_saved, "ebtables-nft"), None)
    arptables = tables.decode("arptables-legacy", _arptables, None)
    nft = tables.decode("nft", _json, None)
    raw = tables.decode("nft_raw", lambda data: data, None)
    order = tables.decode("nft_hooks", lambda data: data, None)
    programs = _programs(tables, order)
    try:
        loaded = load_netfilter(
            iptables_legacy=saved["iptables-legacy"],
            ip6tables_legacy=saved["ip6tables-legacy"],
            iptables_nft=saved["iptables-nft"],
            ip6tables_nft=saved["ip6tables-nft"],
            nft=nft,
            nft_raw=raw,
            hook_order=order,
            gaps=_gaps(tables),
            ebtables_nft=ebtables,
            arptables_legacy=arptables,
        )
        return replace(loaded, programs=programs)
    except FormatError as error:
        tables.gaps["netfilter"] = f"damaged: {error}"
        return Netfilter(unknowns=dict.fromkeys((4, 6), (Unknown(f"rules: {error}"),)))


def _programs(tables: Tables, hooks: object | None) -> HookPrograms:
    """Where the links could not be listed, each hook may have some."""
    nothing: HookPrograms = {}
    found = tables.decode("bpf_links", lambda data: decode_hook_programs(data, hooks), nothing)
    unread = tables.gaps.get("bpf_links")
    if unread is None:
        return found
    return {(family, hook): (Unknown(f"bpf_links: {unread}"),) for family in (4, 6) for hook in IP_HOOKS}


def _gaps(tables: Tables) -> dict[str, str]:
    """Without the raw rules it is not known which tables sleep, nor that all was read at one moment."""
    gaps = {name: reason for name, reason in tables.gaps.items() if name in ALL}
    if "nft_raw" in gaps:
        gaps.setdefault("nft", gaps["nft_raw"])
    return gaps


def _saved(name: str, data: object) -> str | None:
    return text(data, f"$.{name}")


def _arptables(data: object) -> str | None:
    """Only of agents that list: arptables-legacy-save may have printed none of the rules."""
    found = text(data, "$.arptables-legacy")
    return found if found.startswith(LISTED) else None


def _json(data: object) -> object:
    try:
        return parse_json(text(data, "$.nft"))
    except Refused as refused:
        raise FormatError(f"$.nft: {refused}") from refused
