"""Waiting for what comes by itself, after a while."""

import time
from collections.abc import Callable, Container

TIMEOUT = 15
"""Seconds until kube-proxy and kubelet have heard of a change, and a neighbour is asked anew."""
_PAUSE = 0.1


def settled(ask: Callable[[], str], wanted: Container[str]) -> str:
    """The last answer: one that is wanted, or whatever it was when time was up."""
    end = time.monotonic() + TIMEOUT
    while (answer := ask()) not in wanted and time.monotonic() < end:
        time.sleep(_PAUSE)
    return answer
