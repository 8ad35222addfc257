"""The matches of x_tables, one module each (a module may hold those of one subject).

A module defines `KINDS`, a dict from the name after `-m` to its MatchKind, and is imported when a rule
needs it.
"""

from importlib import import_module

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind

MODULES = {
    "addrtype": "addrtype",
    "cgroup": "cgroup",
    "comment": "always",
    "connbytes": "meter",
    "connlimit": "meter",
    "connmark": "mark",
    "conntrack": "conntrack",
    "dscp": "dscp",
    "ecn": "ecn",
    "hashlimit": "meter",
    "hl": "ttl",
    "icmp": "icmp",
    "icmp6": "icmp",
    "iprange": "iprange",
    "ipvs": "ipvs",
    "length": "length",
    "limit": "meter",
    "mac": "link",
    "mark": "mark",
    "multiport": "multiport",
    "nfacct": "always",
    "owner": "owner",
    "physdev": "physdev",
    "pkttype": "link",
    "quota": "meter",
    "recent": "recent",
    "rpfilter": "rpfilter",
    "sctp": "port",
    "set": "set",
    "state": "conntrack",
    "statistic": "statistic",
    "tcp": "tcp",
    "tcpmss": "tcp",
    "tos": "dscp",
    "ttl": "ttl",
    "udp": "port",
    "udplite": "port",
}


def kind_of(name: str) -> MatchKind | None:
    """None: a match that is not modelled."""
    module = MODULES.get(name)
    if module is None:
        return None
    kind: MatchKind = import_module(f"{__name__}.{module}").KINDS[name]
    return kind
