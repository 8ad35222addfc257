"""What a live command is doing, on one line of a terminal; nothing where nobody watches."""

import os
import sys
import threading

from kubectl_skoop.cli.output import CLEAR_LINE
from kubectl_skoop.report.escape import safe


class Progress:
    """Called from several threads with a node and what happens there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __call__(self, node: str, text: str) -> None:
        if not self._shown:
            return
        line = safe(f"{node} {text}".strip())
        width = _columns()
        with self._lock:
            sys.stderr.write(f"{CLEAR_LINE}{line[: width - 1]}")
            sys.stderr.flush()

    def close(self) -> None:
        if self._shown:
            sys.stderr.write(CLEAR_LINE)
            sys.stderr.flush()


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        return 80
