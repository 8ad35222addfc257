"""This program again, as a process of its own: pages go on meanwhile, and its memory goes with it."""

import subprocess
import sys

from kubectl_skoop.model.errors import NoVerdict

_PROGRAM = (
    (sys.executable,)
    if getattr(sys, "frozen", False)
    else (sys.executable, "-c", "from kubectl_skoop.cli.start import main; main()")
)
"""The archive's, or by the interpreter that runs it."""


class Process:
    """One run of a command."""

    def __init__(self, command: str, *words: str) -> None:
        self._command = command
        self._process = subprocess.Popen(
            [*_PROGRAM, command, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def printed(self) -> bytes:
        """Waits for it. Raises: NoVerdict, with what it said where it printed nothing."""
        printed, said = self._process.communicate()
        if not printed:
            last = said.decode(errors="replace").strip().rpartition("\n")[2].removeprefix("error: ")
            raise NoVerdict(last or f"{self._command} ended with code {self._process.returncode}")
        return printed

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
