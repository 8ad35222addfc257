"""The matches of x_tables, one module each (a module may hold those of one subject).

A module defines `KINDS`, a dict from the name after `-m` to its MatchKind, and is imported when a rule
needs it.
"""

from importlib import import_module

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind

MODULES = {
    "addrtype": "addrtype",
    "ah": "spi",
    "bpf": "bpf",
    "cgroup": "cgroup",
    "cluster": "cluster",
    "comment": "always",
    "connbytes": "meter",
    "connlabel": "connlabel",
    "connlimit": "meter",
    "connmark": "mark",
    "conntrack": "conntrack",
    "cpu": "cpu",
    "dccp": "port",
    "devgroup": "devgroup",
    "dscp": "dscp",
    "dst": "extension",
    "ecn": "ecn",
    "esp": "spi",
    "eui64": "link",
    "frag": "extension",
    "hashlimit": "meter",
    "hbh": "extension",
    "helper": "helper",
    "hl": "ttl",
    "icmp": "icmp",
    "icmp6": "icmp",
    "ipcomp": "spi",
    "iprange": "iprange",
    "ipv6header": "extension",
    "ipvs": "ipvs",
    "length": "length",
    "limit": "meter",
    "mac": "link",
    "mark": "mark",
    "mh": "extension",
    "multiport": "multiport",
    "nfacct": "nfacct",
    "owner": "owner",
    "physdev": "physdev",
    "pkttype": "link",
    "policy": "policy",
    "quota": "meter",
    "realm": "realm",
    "recent": "recent",
    "rpfilter": "rpfilter",
    "rt": "extension",
    "sctp": "port",
    "set": "set",
    "socket": "socket",
    "srh": "extension",
    "state": "conntrack",
    "statistic": "statistic",
    "string": "string",
    "tcp": "tcp",
    "tcpmss": "tcp",
    "time": "time",
    "tos": "dscp",
    "ttl": "ttl",
    "u32": "u32",
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
