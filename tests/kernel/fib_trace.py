"""Which tables the kernel looked up for a packet, and what it found there (fib:fib_table_lookup).

The tracepoint tells no namespace: what other processes do meanwhile is left out by their process ids, and a
lookup that ksoftirqd did in our stead is missed. So only what comes again when it is asked again counts.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from kubectl_skoop.model.packet import Address
from kubectl_skoop.testing.netns import lab_prefix

TRACING = Path("/sys/kernel/tracing")
EVENTS = {4: "fib/fib_table_lookup", 6: "fib6/fib6_table_lookup"}
_EVENT = re.compile(
    r"fib6?_table_lookup: table +(?P<table>\d+) oif (?P<oif>\d+) iif (?P<iif>\d+) proto \d+ "
    r"(?P<src>\S+)/\d+ -> (?P<dst>\S+)/\d+ .*tos (?P<tos>\d+) scope .*"
    r"==> dev (?P<dev>\S+) gw (?P<gw>\S+) err (?P<err>-?\d+)"
)


@dataclass(frozen=True, slots=True)
class Lookup:
    """One table for one flow. `device` is empty and `gateway` None where nothing that leads on was found."""

    table: int
    src: Address
    dst: Address
    iif: int
    oif: int
    device: str
    gateway: Address | None
    errno: int


class FibTrace:
    """An instance of the tracer of its own, which sees what this process does."""

    def __init__(self, instance: Path) -> None:
        self._trace = instance / "trace"

    def clear(self) -> None:
        self._trace.write_text("")

    def lookups(self) -> list[Lookup]:
        """Those since `clear`, in their order."""
        return [_lookup(found) for found in _EVENT.finditer(self._trace.read_text())]


@contextmanager
def fib_trace(family: int) -> Iterator[FibTrace]:
    """Raises: OSError where the kernel has no such tracepoint."""
    with _tracefs() as tracefs:
        instance = tracefs / "instances" / lab_prefix().strip("-")
        instance.mkdir()
        try:
            (instance / "set_event_pid").write_text(str(os.getpid()))
            (instance / "events" / EVENTS[family] / "enable").write_text("1")
            yield FibTrace(instance)
        finally:
            instance.rmdir()


@contextmanager
def _tracefs() -> Iterator[Path]:
    """Where it is mounted, else mounted for this while."""
    if (TRACING / "instances").is_dir():
        yield TRACING
        return
    with tempfile.TemporaryDirectory(prefix="tracefs-") as folder:
        subprocess.run(["mount", "-t", "tracefs", "none", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def _lookup(found: re.Match[str]) -> Lookup:
    """IPv4 prints the gateway as `10.0.0.1/::`, the part of the other family zero."""
    gateways = [ip_address(text) for text in found["gw"].split("/")]
    device = "" if found["dev"] in ("-", "(null)") else found["dev"]
    return Lookup(
        table=int(found["table"]),
        src=ip_address(found["src"]),
        dst=ip_address(found["dst"]),
        iif=int(found["iif"]),
        oif=int(found["oif"]),
        device=device,
        gateway=next((gateway for gateway in gateways if int(gateway)), None),
        errno=int(found["err"]),
    )
