"""What a click in the picture shows: what one place did with a packet, or the packet between two places."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from kubectl_skoop.model.packet import Arp, Frame, Packet
from kubectl_skoop.model.path import Action, Link, NetNode
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.trace import Trace
from kubectl_skoop.report.html.crossing import link_panel
from kubectl_skoop.report.html.finding import finding
from kubectl_skoop.report.html.links import Links
from kubectl_skoop.report.html.markup import Markup, h, join
from kubectl_skoop.report.html.ways import Way, link_id, node_id
from kubectl_skoop.report.packet import frame_text, translations, tunnel_text

_DID = {
    "send": "sends",
    "forward": "forwards",
    "service": "sends on to a back end",
    "serve": "takes it",
    "drop": "drops it",
}


def panels(way: Way, wanted: Collection[str], to: Links) -> Iterator[Markup]:
    """Of the places and links of a way, in the order that the packet met them.

    Of a way that is not the main one only those whose id is wanted: it has much in common with the main one.
    """
    links = {link.id: link for link in way.path.links}
    before = {
        output: links[action.input].packet
        for node in way.path.nodes
        for action in node.actions
        if action.input is not None
        for output in action.outputs
    }
    for at, node in enumerate(way.path.nodes):
        identity = node_id(way.name, at)
        if way.main or identity in wanted:
            yield _stop(identity, way.title, node, links, to)
    for link in way.path.links:
        identity = link_id(way.name, link.id)
        if way.main or identity in wanted:
            yield link_panel(identity, way.title, link, before.get(link.id))


def _stop(
    identity: str,
    title: str,
    node: NetNode,
    links: Mapping[int, Link],
    to: Links,
) -> Markup:
    asking = [action for action in node.actions if _only_asks(action, links)]
    shown = [action for action in node.actions if action not in asking]
    did = ", ".join(dict.fromkeys(_DID[action.kind] for action in shown)) or "asks for neighbours"
    tables = to.place(node.place)
    return h(
        "section",
        h("h3", str(node.place), " ", h("span", f"{title}: {did}", class_="quiet")),
        h("p", h("a", "Its tables", href=tables)) if tables else None,
        (finding(one, to) for one in node.suspicions),
        (_action(node.place, action, links, to) for action in shown),
        h(
            "details",
            h("summary", f"Questions for neighbours ({len(asking)})"),
            (_action(node.place, action, links, to) for action in asking),
        )
        if asking
        else None,
        id=identity,
        class_="panel",
        tabindex="-1",
    )


def _only_asks(action: Action, links: Mapping[int, Link]) -> bool:
    """It is about a neighbour's address, not about the packet itself."""
    frames = [links[at].packet for at in (action.input, *action.outputs) if at is not None]
    return bool(frames) and all(isinstance(frame, Arp) for frame in frames)


def _action(place: Place, action: Action, links: Mapping[int, Link], to: Links) -> Markup:
    arrived = None if action.input is None else links[action.input]
    left = [links[output] for output in action.outputs]
    return h(
        "div",
        h(
            "dl",
            _row("In", _crossing(arrived.hop.iif, arrived.packet) if arrived else "made here"),
            (_row("Out", _crossing(link.oif, link.packet)) for link in left),
            (_row("Changed", h("code", change)) for change in _changes(arrived, left)),
            class_="packets",
        ),
        _trace(place, action.trace, to) if action.trace else None,
        class_="action",
    )


def _crossing(device: str, frame: Frame) -> Markup:
    return h(
        "span", h("code", device, class_="device") if device else None, " ", h("code", frame_text(frame))
    )


def _changes(arrived: Link | None, left: Sequence[Link]) -> Iterator[str]:
    before = arrived.packet if arrived else None
    after = left[0].packet if left else None
    if isinstance(before, Packet) and isinstance(after, Packet):
        yield from translations(before, after)
    if isinstance(after, Packet) and after.inner is not None:
        yield f"into {tunnel_text(after)}"
    elif isinstance(before, Packet) and before.inner is not None and after is not None:
        yield f"out of {tunnel_text(before)}"


def _trace(place: Place, trace: Iterable[Trace], to: Links) -> Markup:
    """Each rule, route and neighbour that was met, with what it did."""
    rows = (_step(step, to.step(place, step)) for step in trace)
    heads = (h("th", name, scope="col") for name in ("Where", "What was met", "Effect"))
    return h("div", h("table", h("thead", h("tr", heads)), h("tbody", rows), class_="trace"), class_="wide")


def _step(step: Trace, href: str) -> Markup:
    where = step.where
    parts = [where.hook, where.table, where.chain, str(where.rule or ""), where.device]
    begin = " ".join(part for part in parts if part) or step.kind
    entry = h("code", step.text)
    return h(
        "tr",
        h("td", begin),
        h("td", h("a", entry, href=href, title="Show it in its table") if href else entry),
        h("td", step.effect),
        class_=_look(step.effect),
    )


def _look(effect: str) -> str | None:
    word = effect.partition(" ")[0]
    if word in ("drop", "reject", "unknown"):
        return f"did-{word}"
    return "did-jump" if word in ("jump", "goto", "return", "continue") else None


def _row(name: str, value: object) -> Markup:
    return join(h("dt", name), h("dd", value))
