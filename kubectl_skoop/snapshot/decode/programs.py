"""BPF programs that no device shows: at netfilter hooks, of control groups, those that choose sockets."""

from collections import defaultdict
from collections.abc import Mapping

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.types import IP_HOOKS, Hook
from kubectl_skoop.snapshot.decode.entry import Entry, entries

NFNL_HOOK_TYPE_BPF = 2
_FAMILIES = {2: 4, 10: 6}
"""By NF_INET_*."""
_HARMLESS = frozenset({"sock_ops", "getsockopt", "setsockopt"})

HookPrograms = Mapping[tuple[int, Hook], tuple[Unknown, ...]]


def decode_hook_programs(links: object, hooks: object) -> HookPrograms:
    """By family and hook the netfilter links that may be of this namespace.

    `hooks`: the table `nft_hooks`, which names the programs of this namespace; None: it is not there, so each
    link of the node may be here.

    Raises:
        FormatError: damaged.
    """
    here = None if hooks is None else _programs_here(hooks)
    found: dict[tuple[int, Hook], list[Unknown]] = defaultdict(list)
    for link in entries(links, "$.bpf_links"):
        if link.text("kind") != "netfilter":
            continue
        program = link.number("program")
        if here is None or program in here:
            doubt = "" if here else " (the kernel does not tell of which namespace)"
            reason = f"BPF program {program} at priority {link.number('priority')}{doubt}"
            found[_place(link)].append(Unknown(reason))
    return {place: tuple(unknowns) for place, unknowns in found.items()}


def _place(link: Entry) -> tuple[int, Hook]:
    family, hook = link.number("family"), link.number("hook")
    if family not in _FAMILIES:
        raise link.wrong("family", f"{family} is neither IPv4 (2) nor IPv6 (10)")
    if not 0 <= hook < len(IP_HOOKS):
        raise link.wrong("hook", f"no hook: {hook}")
    return _FAMILIES[family], IP_HOOKS[hook]


def _programs_here(hooks: object) -> frozenset[int]:
    chains = [entry.entry("chain") for entry in entries(hooks, "$.nft_hooks")]
    return frozenset(
        chain.entry("desc").number("program")
        for chain in chains
        if chain.number("type", 0) == NFNL_HOOK_TYPE_BPF and "program" in chain.entry("desc").fields
    )


def socket_programs(data: object) -> str:
    """What is not modelled of the table `bpf`. Raises: FormatError."""
    names = [entry.text("attach") for entry in entries(data, "$.bpf") if not entry.number("ifindex")]
    return f"BPF programs {', '.join(names)}, which choose sockets" if names else ""


def cgroup_programs(data: object) -> str:
    """Programs of the root and of the groups of pods; those of single services of the node concern no pod.

    Raises:
        FormatError: damaged.
    """
    names = [
        f"{entry.text('attach')} of {entry.text('cgroup')}"
        for entry in entries(data, "$.bpf_cgroups")
        if entry.text("attach") not in _HARMLESS and _holds_pods(entry.text("cgroup"))
    ]
    return f"BPF programs {', '.join(names)}, which may drop packets or change addresses" if names else ""


def _holds_pods(group: str) -> bool:
    return group == "/" or "kubepods" in group
