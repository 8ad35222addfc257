"""What a cloud's checks say of one packet, as far as the cloud was asked."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from kubectl_skoop.api import NodeInfo, Suspicion, Unknown
from kubectl_skoop.providers.collected import Collected
from kubectl_skoop.providers.finding import open_question, taken_to_pass

Inventory = TypeVar("Inventory", bound=Collected)


def judged(
    cloud: str,
    provider: str,
    node: NodeInfo | None,
    known: Inventory | Unknown,
    checks: Callable[[Inventory], Iterator[Suspicion]],
    *,
    balanced: bool = False,
) -> Sequence[Suspicion]:
    """All that is found up to the first thing that stops the packet.

    Where nothing was collected the cloud is taken to carry the packet, as any underlay that nobody describes;
    what a load balancer does (`balanced`) is not known. `cloud`: its name in messages; `provider`: in codes.
    """
    if isinstance(known, Unknown):
        code = f"{provider}.not-collected"
        return [open_question(code, node, known) if balanced else taken_to_pass(cloud, code, node, known)]
    found: list[Suspicion] = []
    try:
        for finding in checks(known):
            found.append(finding)
            if finding.effect:
                break
    except ValueError as error:
        reason = Unknown(f"an answer of {cloud} cannot be read: {error}")
        found.append(open_question(f"{provider}.unknown", node, reason))
    return found
