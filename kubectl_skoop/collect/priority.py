"""Giving way to everything else on a node."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

LOWEST = 19


@contextmanager
def low_priority() -> Iterator[None]:
    """What is started inside, threads and processes, is as nice as can be.

    The disk's scheduler derives its own priority from that (ionice(1): best effort, the lowest).
    """
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, LOWEST)
    try:
        yield
    finally:
        # Only CAP_SYS_NICE may take it back; a process that ends now need not.
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, before)
