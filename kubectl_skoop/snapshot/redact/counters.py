"""Files of /proc/net: the columns that a diagnosis asks for; the others would say how much a node is used."""

from collections.abc import Iterator, Mapping

GROUPS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "snmp": {"Tcp": frozenset({"PassiveOpens"})},
    "netstat": {"TcpExt": frozenset({"ListenOverflows", "ListenDrops"})},
}
COLUMNS = {"stat/nf_conntrack": frozenset({"drop", "early_drop", "insert_failed"})}
SOFTNET = 2
"""First columns of softnet_stat that are kept."""


def counters(data: Mapping[object, object]) -> dict[str, str]:
    """Raises: ValueError, of what is no number."""
    try:
        return dict(_files(data))
    except IndexError as error:
        raise ValueError("a line lacks columns") from error


def _files(data: Mapping[object, object]) -> Iterator[tuple[str, str]]:
    for name, text in data.items():
        if not isinstance(text, str):
            continue
        if name in GROUPS:
            yield str(name), "".join(_groups(text, GROUPS[str(name)]))
        elif name in COLUMNS:
            yield str(name), "".join(_columns(text, COLUMNS[str(name)]))
        elif name == "softnet_stat":
            lines = (line.split()[:SOFTNET] for line in text.splitlines())
            yield str(name), "".join(" ".join(map(_hexadecimal, words)) + "\n" for words in lines)


def _groups(text: str, groups: Mapping[str, frozenset[str]]) -> Iterator[str]:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        group = names[0].removesuffix(":")
        kept = [place for place, name in enumerate(names) if name in groups.get(group, ())]
        if kept:
            yield f"{group}: {' '.join(names[place] for place in kept)}\n"
            yield f"{group}: {' '.join(str(int(values[place])) for place in kept)}\n"


def _columns(text: str, wanted: frozenset[str]) -> Iterator[str]:
    lines = [line.split() for line in text.splitlines()]
    kept = [place for place, name in enumerate(lines[0]) if name in wanted] if lines else []
    for number, words in enumerate(lines):
        chosen = [words[place] for place in kept]
        yield " ".join(chosen if number == 0 else map(_hexadecimal, chosen)) + "\n"


def _hexadecimal(word: str) -> str:
    return f"{int(word, 16):08x}"
