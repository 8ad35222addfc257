"""What a node is: facts that explain its tables to people."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from kubectl_skoop.collect.features import Kernel
from kubectl_skoop.snapshot.dump import NodeFacts

NODE_ROOT = Path("/proc/1/root")
_FOLDERS = ("usr/sbin", "sbin", "usr/local/sbin", "usr/bin", "bin", "run/current-system/sw/bin")
_MAX_LINKS = 16


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
        names = [path.name for path in _links(root, PurePosixPath("/", folder, "iptables"))]
        if names:
            return next((back_end for name in names if (back_end := _PROGRAMS.get(name))), "")
    return ""


_PROGRAMS = {
    "xtables-nft-multi": "nf_tables",
    "iptables-nft": "nf_tables",
    "xtables-legacy-multi": "legacy",
    "iptables-legacy": "legacy",
    "xtables-multi": "legacy",
}


def _links(root: Path, path: PurePosixPath) -> Iterator[PurePosixPath]:
    """The file and what its symbolic links lead to, as seen in `root`; nothing where it does not exist."""
    for _ in range(_MAX_LINKS):
        here = root / path.relative_to("/")
        try:
            is_link = here.is_symlink()
            if not is_link and not here.exists():
                return
            yield path
            if not is_link:
                return
            path = _normal(path.parent / here.readlink())
        except OSError:
            return


def _normal(path: PurePosixPath) -> PurePosixPath:
    parts: list[str] = []
    for part in path.parts[1:]:
        if part == "..":
            del parts[-1:]
        else:
            parts.append(part)
    return PurePosixPath("/", *parts)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
