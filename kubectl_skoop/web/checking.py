"""`check` in the background: with thousands of nodes it takes minutes."""

from pathlib import Path

from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check
from kubectl_skoop.report.checked import check_of
from kubectl_skoop.report.html.words import options_of
from kubectl_skoop.web.process import Process


class Checking:
    """One run."""

    def __init__(self, path: Path, options: Options) -> None:
        self._process = Process("check", "--each", "--output", "json", *options_of(path, options))

    def result(self) -> Check:
        """Waits for it. Raises: NoVerdict, with what it said."""
        return check_of(self._process.printed().decode(errors="replace"))

    def close(self) -> None:
        """Ends it."""
        self._process.close()
