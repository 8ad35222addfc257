"""What the running kernel has already: asking netfilter, ipset … for a thing that is not loaded would load it
(nfnetlink_rcv_msg, sock_diag_rcv_msg, netlink_create call request_module), and the agent loads nothing."""

import gzip
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from kubectl_skoop.collect.node_root import NODE_ROOT


@dataclass(frozen=True)
class Kernel:
    """Modules that are loaded or built in."""

    proc: Path = Path("/proc")
    roots: tuple[Path, ...] = (Path("/"), NODE_ROOT)
    """Where the kernel's files may be: in a container they are those of the node's first process."""
    release: str = field(default_factory=lambda: os.uname().release)

    def has(self, module: str, option: str) -> bool:
        """`module` as in /proc/modules; `option` (CONFIG_…) tells whether it is built in."""
        if module in self.loaded:
            return True
        if self.configuration:
            return self.configuration.get(option) == "y"
        return module in self.symbol_owners

    @cached_property
    def loaded(self) -> frozenset[str]:
        """Loaded modules; empty in a kernel without modules."""
        try:
            lines = (self.proc / "modules").read_text().splitlines()
        except FileNotFoundError:
            return frozenset()
        return frozenset(line.split(" ", 1)[0] for line in lines)

    @property
    def configuration(self) -> Mapping[str, str]:
        """The options of the kernel's build; empty where it does not tell."""
        return _configuration(self.proc, self.roots, self.release)

    @cached_property
    def symbol_owners(self) -> frozenset[str]:
        """Features whose entry points are among the kernel's symbols: the last resort."""
        wanted = {symbol.encode(): module for module, symbol in _ENTRY_POINTS.items()}
        found = set()
        try:
            with (self.proc / "kallsyms").open("rb") as lines:
                for line in lines:
                    parts = line.split()
                    if len(parts) == 3 and parts[2] in wanted:
                        found.add(wanted[parts[2]])
        except OSError:
            return frozenset()
        return frozenset(found)


@cache
def _configuration(proc: Path, roots: tuple[Path, ...], release: str) -> Mapping[str, str]:
    """Read once: a kernel that runs does not change its options."""
    try:
        text = gzip.decompress((proc / "config.gz").read_bytes()).decode()
    except (OSError, EOFError):
        text = _configuration_file(roots, release)
    return dict(line.split("=", 1) for line in text.splitlines() if line.startswith("CONFIG_"))


def _configuration_file(roots: tuple[Path, ...], release: str) -> str:
    """Where distributions put it; empty: nowhere."""
    names = (f"boot/config-{release}", f"lib/modules/{release}/config")
    for path in (root / name for root in roots for name in names):
        try:
            return path.read_text()
        except OSError:
            continue
    return ""


_ENTRY_POINTS = {
    "nf_conntrack": "nf_conntrack_in",
    "nf_tables": "nf_tables_getrule",
    "nf_conntrack_netlink": "ctnetlink_get_conntrack",
    "nfnetlink_hook": "nfnl_hook_get",
    "ip_set": "ip_set_dump",
    "inet_diag": "inet_diag_handler_cmd",
    "tcp_diag": "tcp_diag_dump",
    "udp_diag": "udp_diag_dump",
    "xfrm_user": "xfrm_netlink_rcv",
}
