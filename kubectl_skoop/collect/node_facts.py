"""What a node is: facts that explain its tables to people."""

from pathlib import Path, PurePosixPath

from kubectl_skoop.collect.features import Kernel
from kubectl_skoop.collect.node_root import NODE_ROOT, follow
from kubectl_skoop.snapshot.dump import NodeFacts

_FOLDERS = ("usr/sbin", "sbin", "usr/local/sbin", "usr/bin", "bin", "run/current-system/sw/bin")


def read_facts(kernel: Kernel, root: Path = NODE_ROOT) -> NodeFacts:
    """What cannot be read is left empty."""
    return NodeFacts(
        boot_id=_text(kernel.proc / "sys/kernel/random/boot_id"),
        modules=tuple(sorted(kernel.loaded)),
        iptables=iptables_backend(root),
    )


def iptables_backend(root: Path) -> str:
    """What the node's own `iptables` writes to, by the program that its name leads to: `nf_tables`, `legacy`;
    empty: it has none, or one of another name.

    Nothing of the node is run. Since iptables 1.8 the two are xtables-nft-multi and xtables-legacy-multi
    (iptables/Makefile.am); before, xtables-multi was the legacy one.
    """
    for folder in _FOLDERS:
        if passed := follow(PurePosixPath("/", folder, "iptables"), root):
            return next((_PROGRAMS[path.name] for path in passed if path.name in _PROGRAMS), "")
    return ""


_PROGRAMS = {
    "xtables-nft-multi": "nf_tables",
    "iptables-nft": "nf_tables",
    "xtables-legacy-multi": "legacy",
    "iptables-legacy": "legacy",
    "xtables-multi": "legacy",
}


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
