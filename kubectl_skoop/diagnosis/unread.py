"""What was not collected, or could not be read, as missing data."""

from collections.abc import Iterator, Mapping

from kubectl_skoop.diagnosis.result import Missing
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place


def unread(place: Place, gaps: Mapping[str, str]) -> Iterator[Missing]:
    """`gaps`: as those of a `NetworkNamespace`."""
    for table, told in gaps.items():
        state, _, reason = told.partition(": ")
        yield Missing(what=f"{place}/{table}", state=state, reason=reason)


def missing(entry: NotCollected) -> Missing:
    return Missing(what=entry.what, state=entry.state, reason=entry.reason)
