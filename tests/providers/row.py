"""One thing of a healthy VPC is changed: what a provider must find then, for either cloud."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from kubectl_skoop.api import Suspicion

Answers = dict[str, Any]
HARMLESS = "aws.network-acl.ephemeral"


class Row(NamedTuple):
    """`change`: of the healthy VPC. `code`: of the one finding; `words`: of its message and evidence."""

    ask: Callable[[Answers], Sequence[Suspicion]]
    change: Callable[[Answers], Any]
    code: str
    words: tuple[str, ...] = ()

    def holds(self, healthy: Answers) -> None:
        """The one finding is this, says what becomes of the packet, by what, and how to mend it."""
        self.change(healthy)
        (finding,) = self.ask(healthy)
        assert finding.code == self.code, finding
        text = " | ".join((finding.message, *finding.evidence))
        for word in self.words:
            assert word in text
        unknown = self.code.endswith((".unknown", ".beyond", ".size"))
        assert finding.effect == ("unknown" if unknown else "" if self.code == HARMLESS else "stops")
        assert unknown or (finding.evidence and finding.remedy)
