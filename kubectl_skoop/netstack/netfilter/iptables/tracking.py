"""What loaded rules switch on in the kernel, whether a packet reaches them or not (K-5)."""

from collections.abc import Iterator
from itertools import pairwise

from kubectl_skoop.netstack.netfilter.iptables.options import Unreadable, words

_MATCHES = frozenset(
    {"cluster", "connbytes", "connlabel", "connlimit", "connmark", "conntrack", "helper", "state"}
)
_TARGETS = frozenset(
    {
        "CLUSTERIP",
        "CONNMARK",
        "CONNSECMARK",
        "CT",
        "DNAT",
        "MASQUERADE",
        "NETMAP",
        "REDIRECT",
        "SNAT",
        "SYNPROXY",
    }
)
"""Those whose checkentry function calls nf_ct_netns_get."""

_USUAL = (" -m conntrack", " -j MASQUERADE", " -j DNAT")
"""Long texts of kube-proxy, Calico and the like have one of these near their beginning."""
_WANTED = dict.fromkeys(
    (*_USUAL, *(f" -m {name}" for name in sorted(_MATCHES)), *(f" -j {name}" for name in sorted(_TARGETS)))
)


def needs_conntrack(text: str) -> bool:
    """Some rule of this iptables-save output has conntrack run in its family, reached or not."""
    return any(_asks(line) for wanted in _WANTED for line in _lines_with(text, wanted))


def _lines_with(text: str, wanted: str) -> Iterator[str]:
    position = text.find(wanted)
    while position >= 0:
        end = text.find("\n", position)
        end = end if end >= 0 else len(text)
        yield text[text.rfind("\n", 0, position) + 1 : end]
        position = text.find(wanted, end)


def _asks(line: str) -> bool:
    try:
        given = words(line)
    except Unreadable:
        return True
    for option, name in pairwise(given):
        if option.quoted or name.quoted:
            continue
        if option.text == "-m" and name.text in _MATCHES:
            return True
        if option.text == "-j" and name.text in _TARGETS:
            return name.text != "CT" or not any(word.text == "--notrack" for word in given)
    return False
