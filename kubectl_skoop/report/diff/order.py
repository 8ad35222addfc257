"""Rules whose order does not matter: no packet fits two of them, as each wants another address or port."""

import re
from collections.abc import Sequence

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ADDRESS = re.compile(r"(?<! !) -d (\S+/(?:32|128)) ")
_PROTOCOL = re.compile(r"(?<! !) -p (\w+) ")
_PORT = re.compile(r"(?<! !) --dport (\d+) ")


def canonical(rules: Sequence[str]) -> list[str]:
    """The rules of a chain, without counters, in an order that is the same for equal meaning.

    kube-proxy writes a rule for each service, in any order. Neighbours that want one destination address each
    are sorted by it, those that want one port likewise; rules that want the same one, and all others, keep
    their order.
    """
    ordered: list[str] = []
    run: list[tuple[str, str]] = []
    kind = ""
    for rule in rules:
        wanted, which = _wanted(rule)
        if wanted != kind:
            ordered += _sorted(run)
            run, kind = [], wanted
        if wanted:
            run.append((which, rule))
        else:
            ordered.append(rule)
    return ordered + _sorted(run)


def _sorted(run: list[tuple[str, str]]) -> list[str]:
    return [rule for _, rule in sorted(run, key=lambda pair: pair[0])]


def _wanted(rule: str) -> tuple[str, str]:
    """What is asked for, and which."""
    bare = _QUOTED.sub('""', rule) + " "
    if address := _ADDRESS.search(bare):
        return "address", address[1]
    if (port := _PORT.search(bare)) and (protocol := _PROTOCOL.search(bare)):
        return "port", f"{protocol[1]} {port[1]}"
    return "", ""
