"""`check` as a process of its own: with thousands of nodes it takes minutes and memory, and pages go on."""

import subprocess
import sys
from pathlib import Path

from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check
from kubectl_skoop.model.errors import NoVerdict
from kubectl_skoop.report.checked import check_of
from kubectl_skoop.report.html.words import options_of

_PROGRAM = (
    (sys.executable,)
    if getattr(sys, "frozen", False)
    else (sys.executable, "-c", "from kubectl_skoop.cli.start import main; main()")
)
"""This program again: the archive's, or by the interpreter that runs it."""


class Checking:
    """One run."""

    def __init__(self, path: Path, options: Options) -> None:
        words = [*_PROGRAM, "check", "--each", "--output", "json", *options_of(path, options)]
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )

    def result(self) -> Check:
        """Waits for it. Raises: NoVerdict, with what it said."""
        printed, said = self._process.communicate()
        if not printed:
            last = said.strip().rpartition("\n")[2].removeprefix("error: ")
            raise NoVerdict(last or f"check ended with code {self._process.returncode}")
        return check_of(printed)

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
