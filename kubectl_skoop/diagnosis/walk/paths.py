"""The record of a branch as two graphs: the way of the request, and that of its answer."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

from kubectl_skoop.diagnosis.walk.branch import Branch, Visit
from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.path import Action, ActionKind, Link, NetNode, PacketPath
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.l4 import icmp

_TRANSLATES = re.compile(
    r"-A .* -j (DNAT|SNAT|MASQUERADE|REDIRECT|NETMAP)\b|(?!-A ).*\b(dnat|snat|masquerade|redirect)\b"
)
"""Rules of iptables, whose comments may say anything, and of nft."""


def request_path(branch: Branch, findings: Iterable[Suspicion] = ()) -> PacketPath:
    """From the sender as far as the first packet got."""
    if not branch.visits:
        return PacketPath(nodes=(), links=())
    return _graph(branch, branch.visits[0], made_there=True, findings=findings)


def reply_path(branch: Branch, findings: Iterable[Suspicion] = ()) -> PacketPath | None:
    """From where the first packet was answered; None: there was no answer."""
    for visit in branch.visits[1:]:
        if visit.input is not None and any(is_answer(visit, link) for link in visit.outputs):
            return _graph(branch, visit, made_there=False, findings=findings)
    return None


def crossings(branch: Branch) -> int:
    """Links that the request took, and its answer if it was served; errors on their way back do not count."""
    total = 0
    following = {visit.input.id: visit for visit in branch.visits if visit.input is not None}
    queue = deque(branch.visits[:1])
    while queue:
        visit = queue.popleft()
        onward = [
            link
            for link in visit.outputs
            if visit.journey.served or visit.input is None or not is_answer(visit, link)
        ]
        total += len(onward)
        queue.extend(following[link.id] for link in onward if link.id in following)
    return total


def translations(branch: Branch) -> list[str]:
    """What sent the packet elsewhere on its way, each once: rules, a tunnel's remote that is here."""
    steps = (step for visit in branch.visits for step in visit.journey.trace)
    return list(
        dict.fromkeys(
            step.text
            for step in steps
            if (step.kind == "rule" and _TRANSLATES.match(step.text))
            or (step.kind == "tunnel" and step.effect == "not encapsulated")
        )
    )


def is_answer(visit: Visit, link: Link) -> bool:
    """The visit's place made this packet because of the one that came: its answer, an RST, an ICMP error."""
    if visit.packet is None or not isinstance(link.packet, Packet):
        return False
    came, left = visit.packet.innermost, link.packet.innermost
    if left.dst != came.src and left.dst != visit.packet.src:
        return False
    if left.protocol in (Protocol.ICMP, Protocol.ICMPV6):
        return left.icmp_type != icmp.echo_type(left.family)
    return left.dport == came.sport


def _graph(branch: Branch, start: Visit, *, made_there: bool, findings: Iterable[Suspicion]) -> PacketPath:
    by_input = {visit.input.id: visit for visit in branch.visits if visit.input is not None}
    links: list[Link] = []
    seen: list[tuple[Visit, list[Link]]] = []
    queue: deque[Visit] = deque([start])
    while queue:
        visit = queue.popleft()
        first = visit is start
        outputs = [
            link
            for link in visit.outputs
            if (visit.input is None) or is_answer(visit, link) == (first and not made_there)
        ]
        if first and made_there:
            outputs = [link for link in outputs if link is outputs[0] or _same_packet(link, outputs[0])]
        seen.append((visit, outputs))
        for link in outputs:
            links.append(link)
            following = by_input.get(link.id)
            if following is not None:
                queue.append(following)
    numbers = {link.id: position for position, link in enumerate(links)}
    actions: dict[Place, list[Action]] = {}
    for visit, outputs in seen:
        first = visit is start
        actions.setdefault(visit.place, []).append(
            _action(visit, outputs, numbers, sends=first, asks=made_there)
        )
    return PacketPath(
        nodes=tuple(
            NetNode(
                place=place,
                actions=tuple(done),
                suspicions=tuple(finding for finding in findings if finding.where.place == place),
            )
            for place, done in actions.items()
        ),
        links=tuple(replace(link, id=numbers[link.id]) for link in links),
    )


def _same_packet(link: Link, first: Link) -> bool:
    """A copy of the first packet, that a bridge flooded to another port."""
    if not isinstance(link.packet, Packet) or not isinstance(first.packet, Packet):
        return False
    return changed(link.packet.innermost, length=0) == changed(first.packet.innermost, length=0)


def _action(
    visit: Visit, outputs: list[Link], numbers: Mapping[int, int], *, sends: bool, asks: bool
) -> Action:
    """`asks`: on the way of the request; an answer that is translated back is only forwarded."""
    return Action(
        kind=_kind(visit, outputs, sends=sends, asks=asks),
        input=None if sends or visit.input is None else numbers[visit.input.id],
        outputs=tuple(numbers[link.id] for link in outputs),
        trace=tuple(visit.journey.trace),
    )


def _kind(visit: Visit, outputs: list[Link], *, sends: bool, asks: bool) -> ActionKind:
    if sends:
        return "send"
    if visit.journey.served:
        return "serve"
    if not outputs:
        return "drop"
    came = visit.packet
    left = outputs[0].packet
    if asks and came is not None and isinstance(left, Packet) and left.innermost.dst != came.innermost.dst:
        return "service"
    return "forward"
