"""What a node's dump says of the node beside its tables."""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from kubectl_skoop.collect.features import Kernel

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def node_facts(kernel: Kernel) -> Mapping[str, object]:
    """`ended`: seconds since the epoch, of the end of reading. `boot_id`: another one after each boot.
    `modules`: those that are loaded."""
    facts: dict[str, object] = {"modules": sorted(kernel.loaded)}
    with suppress(OSError):
        facts["boot_id"] = BOOT_ID.read_text().strip()
    return {**facts, "ended": time.time()}
