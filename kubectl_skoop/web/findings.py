"""What `check` found, narrowed to a place, a namespace, a code."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from kubectl_skoop.diagnosis.result import Check
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.report.html.check_page import CheckView, Group, Wanted
from kubectl_skoop.web.session import Session
from kubectl_skoop.web.words import Words, number_of


def wanted_of(words: Words) -> Wanted:
    namespace = words.get("ns", "").strip().removeprefix("ns/")
    return Wanted(
        words.get("at", "").strip(), namespace, words.get("code", "").strip(), number_of(words, "page")
    )


def check_view(session: Session, check: Check, wanted: Wanted) -> CheckView:
    codes = Counter(finding.code for finding in check.suspicions)
    found = [*narrowed(check.suspicions, wanted, session.pods_on(wanted.place))]
    return CheckView(groups_of(found), dict(sorted(codes.items())), wanted, check.facts, check.missing)


def narrowed(found: Sequence[Suspicion], wanted: Wanted, pods: Sequence[str]) -> Iterator[Suspicion]:
    """`pods`: those on the node that is wanted, as `pod/shop/cart-0`."""
    places = {wanted.place, *pods}
    names = _names_in(wanted.namespace)
    for finding in found:
        place = str(finding.where.place or "")
        if wanted.code and finding.code != wanted.code:
            continue
        if wanted.place and place not in places:
            continue
        if wanted.namespace and not any(map(names.search, (place, finding.message, *finding.evidence))):
            continue
        yield finding


def groups_of(found: Sequence[Suspicion]) -> list[Group]:
    """Worst first, then what is found most often."""
    groups: dict[tuple[int, str], list[Suspicion]] = {}
    for finding in found:
        groups.setdefault((-finding.level, finding.code), []).append(finding)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1]), item[0][1]))
    return [Group(group[0].level, code, group) for (_, code), group in ordered]


def _names_in(namespace: str) -> re.Pattern[str]:
    """A name of an object in the namespace: `shop/web`, whatever kind stands before it."""
    return re.compile(rf"(?<![\w.-]){re.escape(namespace)}/[a-z0-9]")
