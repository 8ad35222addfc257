"""How a report looks on a terminal: colour, calmly, and its width. The text is the same without."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from kubectl_skoop.diagnosis.result import Verdict
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.report.columns import broken, width

_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = "1", "2", "31", "32", "33", "36"
_VERDICTS: dict[Verdict, str] = {
    "reachable": _GREEN,
    "unreachable": _RED,
    "partial": _YELLOW,
    "unknown": _CYAN,
}
_LEVELS = {Level.FATAL: _RED, Level.CRITICAL: _RED, Level.WARNING: _YELLOW, Level.INFO: _CYAN}
_NARROWEST = 20
"""Columns that text has at least, however narrow the terminal is."""


class Style(NamedTuple):
    """Colours of the terminal, or none; its columns, or 0: lines are as long as they are."""

    color: bool = False
    columns: int = 0

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

    def fits(self, text: str) -> bool:
        """In one line."""
        return not self.columns or width(text) <= self.columns

    def indented(self, columns: int) -> "Style":
        """For lines that are indented later."""
        return self._replace(columns=max(self.columns - columns, _NARROWEST)) if self.columns else self

    def lines(
        self,
        text: str,
        begin: str = "",
        *,
        hang: int | None = None,
        mark: Callable[[str], str] = str,
        paint: Callable[[str], str] = str,
    ) -> Iterator[str]:
        """`text` after `begin`, wrapped at spaces. A word that is wider than the terminal stays whole.

        Further lines are indented by `hang`, or as far as `begin` is wide. `mark` and `paint` colour
        `begin` and `text`.
        """
        after = width(begin)
        rest = after if hang is None else hang
        if self.fits(begin + text):
            yield mark(begin) + paint(text)
            return
        room = max(self.columns - max(after, rest), _NARROWEST)
        first, *others = broken(text, room, words=True)
        yield mark(begin) + paint(first)
        yield from (" " * rest + paint(other) for other in others)

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text
