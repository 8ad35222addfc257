"""`nft list ruleset`, from its JSON."""

from collections.abc import Iterator, Mapping

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.netstack.netfilter.nft.text import print_expression, print_rule, print_statement
from kubectl_skoop.report.inspect.state import State
from kubectl_skoop.snapshot.decode.entry import Entry, entries
from kubectl_skoop.snapshot.limits import Refused, parse_json

_TABLE_KEY = tuple[str, str]
_VERDICTS = frozenset({"accept", "continue", "drop", "goto", "jump", "return"})
_OBJECTS = ("set", "map", "chain", "flowtable", "counter", "quota", "limit", "ct helper", "ct timeout")


def print_nftables(state: State) -> Iterator[str]:
    """Raises: FormatError."""
    text = state.text("nft")
    if not text.strip():
        return
    tables: dict[_TABLE_KEY, list[tuple[str, Entry]]] = {}
    rules: dict[tuple[str, str, str], list[Entry]] = {}
    for kind, body in ruleset(text):
        family = body.text("family", "")
        if kind == "table":
            tables.setdefault((family, body.text("name")), [])
        elif kind == "rule":
            rules.setdefault((family, body.text("table"), body.text("chain")), []).append(body)
        elif kind in _OBJECTS:
            tables.setdefault((family, body.text("table")), []).append((kind, body))
    for (family, name), content in tables.items():
        yield f"table {family} {name} {{"
        for kind, body in content:
            own = rules.get((family, name, body.text("name")), []) if kind == "chain" else []
            yield from (f"    {line}" for line in _block(kind, body, own))
        yield "}"


def ruleset(text: str) -> Iterator[tuple[str, Entry]]:
    """Each object with its kind. Raises: FormatError."""
    try:
        document = parse_json(text)
    except Refused as refused:
        raise FormatError(f"$.nft: {refused}") from refused
    listed = document.get("nftables") if isinstance(document, Mapping) else None
    for row in entries(listed, "$.nft.nftables"):
        for kind in row.fields:
            yield kind, row.entry(kind)


def _block(kind: str, body: Entry, rules: list[Entry]) -> Iterator[str]:
    yield f"{kind} {body.text('name')} {{"
    if kind == "chain":
        if "hook" in body.fields:
            device = f" device {body.fields['dev']}" if "dev" in body.fields else ""
            yield (
                f"    type {body.text('type')} hook {body.text('hook')}{device} "
                f"priority {body.number('prio')}; policy {body.text('policy', 'accept')};"
            )
        for rule in rules:
            yield f"    {print_rule(rule.fields)} # handle {rule.number('handle', 0)}"
    else:
        yield from (f"    {line}" for line in _attributes(kind, body))
    yield "}"


def _attributes(kind: str, body: Entry) -> Iterator[str]:
    for name, value in body.fields.items():
        match name, value:
            case "family" | "table" | "name" | "handle", _:
                continue
            case "type", _:
                data = f" : {print_expression(body.fields['map'])}" if "map" in body.fields else ""
                yield f"type {' . '.join(map(str, value)) if isinstance(value, list) else value}{data}"
            case "map", _:
                continue
            case "elem", list():
                yield f"elements = {{ {', '.join(element_text(element) for element in value)} }}"
            case _, list():
                yield f"{name} {','.join(map(str, value))}"
            case _:
                yield f"{name} {value}"


def element_text(element: object) -> str:
    """Of a set or map."""
    match element:
        case [key, dict() as verdict] if verdict.keys() & _VERDICTS:
            return f"{element_text(key)} : {print_statement(verdict)}"
        case [key, data]:
            return f"{element_text(key)} : {print_expression(data)}"
        case {"elem": {"val": value}}:
            return print_expression(value)
        case _:
            return print_expression(element)
