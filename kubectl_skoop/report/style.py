"""Colour, calmly: the verdict, the levels, headings. Without colour the text is the same."""

from dataclasses import dataclass

from kubectl_skoop.diagnosis.result import Verdict
from kubectl_skoop.model.suspicion import Level

_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = "1", "2", "31", "32", "33", "36"
_VERDICTS: dict[Verdict, str] = {
    "reachable": _GREEN,
    "unreachable": _RED,
    "partial": _YELLOW,
    "unknown": _CYAN,
}
_LEVELS = {Level.FATAL: _RED, Level.CRITICAL: _RED, Level.WARNING: _YELLOW, Level.INFO: _CYAN}


@dataclass(frozen=True, slots=True)
class Style:
    """Colours of the terminal, or none."""

    color: bool = False

    def verdict(self, verdict: Verdict, text: str) -> str:
        return self._paint(text, f"{_BOLD};{_VERDICTS[verdict]}")

    def level(self, level: Level, text: str) -> str:
        return self._paint(text, _LEVELS[level])

    def heading(self, text: str) -> str:
        return self._paint(text, _BOLD)

    def quiet(self, text: str) -> str:
        return self._paint(text, _DIM)

    def removed(self, text: str) -> str:
        return self._paint(text, _RED)

    def added(self, text: str) -> str:
        return self._paint(text, _GREEN)

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text
