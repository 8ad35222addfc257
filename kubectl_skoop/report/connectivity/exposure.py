"""`connectivity --exposure`: what is open to the whole cluster, and to the outside."""

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import NamedTuple

from kubectl_skoop.cluster.connectivity import Row
from kubectl_skoop.cluster.policy.address import ANYWHERE
from kubectl_skoop.cluster.policy.interval import Intervals, intersect
from kubectl_skoop.cluster.policy.port import ports_text
from kubectl_skoop.cluster.policy.universe import positions_of
from kubectl_skoop.report.connectivity.view import View, outside_text
from kubectl_skoop.report.fields import Fields

HEADINGS = ("PODS", "OPEN TO", "PORTS", "")


class Exposed(NamedTuple):
    """One class, and to whom it is open on which ports."""

    pods: str
    to: str
    """`the whole cluster`, `the internet`, a part of the outside."""
    ports: str
    verdict: str


def exposures(view: View) -> Iterator[Exposed]:
    """Pods only: a node is subject to no policy of pods."""
    names = view.names
    pods = view.found.pods
    for at in positions_of(view.destinations & pods):
        ends = view.found.ends[at]
        alone = len(view.found.classes[at].members) == 1
        others = pods & ~(1 << at) if alone else pods
        if shared := _to_all(ends.allowed, others):
            yield Exposed(names[at], "the whole cluster", ports_text(shared), "allowed")
        for outers, verdict in (
            (ends.from_outside, "allowed"),
            (ends.from_outside_unknown, "unknown"),
        ):
            for ports, addresses in outers:
                yield Exposed(names[at], _where(addresses), ports_text(ports), verdict)


def _to_all(rows: Sequence[Row], others: int) -> Intervals:
    """The ports that every one of the others may use."""
    reaching = [row for row in rows if row.sources & others]
    left = others
    for row in reaching:
        left &= ~row.sources
    return reduce(intersect, (row.ports for row in reaching)) if reaching and not left else ()


def _where(addresses: Intervals) -> str:
    return "the internet" if addresses == ANYWHERE else outside_text(addresses)


def exposure_fields(view: View) -> Fields:
    return {
        "apiVersion": "skoop/v1",
        "kind": "Exposure",
        "exposed": [entry._asdict() for entry in exposures(view)],
    }
