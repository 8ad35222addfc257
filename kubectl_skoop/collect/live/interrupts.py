"""Ctrl-C, SIGTERM and a closed terminal: the command ends, but not before it has cleaned up."""

import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
_LEAVES_AT = 3
"""Signals after which the cleaning up is broken off."""


class Interrupts:
    """The first signal raises KeyboardInterrupt in the main thread, no later one does. Main thread only."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._heard = 0
        self._held = False

    def __enter__(self) -> Self:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._held and self._heard and kind is None:
            raise KeyboardInterrupt

    def hold(self) -> None:
        """From now on a signal waits: it is raised at the end of the `with`."""
        self._held = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._heard += 1
        if self._heard == 1 and not self._held:
            raise KeyboardInterrupt
        if self._heard >= _LEAVES_AT:
            print("left as it is; 'kubectl skoop cleanup' removes what remains", file=sys.stderr)
            os._exit(INTERRUPTED)
        print("cleaning up ...", file=sys.stderr)
