"""What a redacted snapshot says of itself: that it was asked the same questions, and answered alike."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from kubectl_skoop.diagnosis.questions import MOST, PAIRS, Watch, compare
from kubectl_skoop.diagnosis.request import Request
from kubectl_skoop.snapshot.redact import Pseudonyms
from kubectl_skoop.snapshot.source import Snapshot


def certificate(
    before: Snapshot,
    after: Snapshot,
    pseudonyms: Pseudonyms,
    left_out: Sequence[str],
    seed: int,
    *,
    pairs: int = PAIRS,
    most: int = MOST,
    watch: Watch = lambda what, progress: None,
) -> Mapping[str, object]:
    """`services` of `possible` questions about services and `pairs` were asked; `unanswered` had no verdict
    before; `different` answers. Raises: PluginError."""
    found = compare(
        before, after, lambda request: renamed(request, pseudonyms), seed, pairs, most, watch=watch
    )
    return {
        "tool": version("kubectl-skoop"),
        "seed": seed,
        "services": found.services,
        "possible": found.possible,
        "pairs": found.pairs,
        "unanswered": found.unanswered,
        "different": len(found.different),
        "left_out": list(left_out),
    }


def renamed(request: Request, pseudonyms: Pseudonyms) -> Request:
    """The question in the words of the redacted file."""
    return request._replace(
        source=_renamed(request.source, pseudonyms),
        destination=_renamed(request.destination, pseudonyms),
    )


def _renamed(written: str, pseudonyms: Pseudonyms) -> str:
    """`KIND/NAME`, `KIND/NAMESPACE/NAME`, or an address."""
    kind, slash, name = written.partition("/")
    return f"{kind}/{pseudonyms.names.pod(name)}" if slash else pseudonyms.address(written)
