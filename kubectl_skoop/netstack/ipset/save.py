"""The text of `ipset save`."""

from collections.abc import Mapping

from kubectl_skoop.netstack.ipset.types import IpSet

_FLAGS = frozenset({"counters", "comment", "skbinfo", "forceadd"})


def parse_ipsets(text: str) -> Mapping[str, IpSet]:
    """All sets by name. Members stay text until they are asked for."""
    created: dict[str, tuple[str, dict[str, str]]] = {}
    entries: dict[str, list[str]] = {}
    for line in text.split("\n"):
        verb, _, rest = line.partition(" ")
        if verb == "add":
            name, _, entry = rest.partition(" ")
            entries.setdefault(name, []).append(entry)
        elif verb == "create" and len(words := rest.split()) > 1:
            created[words[0]] = (words[1], _options(words[2:]))
    return {
        name: IpSet(name=name, type=kind, options=options, entries=tuple(entries.get(name, ())))
        for name, (kind, options) in created.items()
    }


def _options(words: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    remaining = iter(words)
    for word in remaining:
        options[word] = "" if word in _FLAGS else next(remaining, "")
    return options
