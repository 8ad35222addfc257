"""The ports and blocks of a rule, in the form in which kube-router writes them (policy.go).

Only rules that the engine for policies could read come here.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network

from kubectl_skoop.cluster.policy.rule import Direction
from kubectl_skoop.cluster.raw import dig, items, text, texts

PEERS: Mapping[Direction, str] = {"ingress": "from", "egress": "to"}
WHOLE: Mapping[int, tuple[str, ...]] = {4: ("0.0.0.0/1", "128.0.0.0/1"), 6: ("2000::/3", "fd00::/8")}
"""What it writes for all addresses of a family: hash:net takes no /0 (evalIPBlockPeer)."""
NOMATCH = " nomatch"


def ports(rule: object) -> frozenset[str]:
    """`tcp 80`, `udp 81:90`, `tcp`; without any the empty text. Those that have a name are not among them
    (processNetworkPolicyPorts)."""
    written = items(rule, "ports")
    if not written:
        return frozenset({""})
    found = set()
    for one in written:
        port, end = dig(one, "port"), dig(one, "endPort")
        protocol = (text(one, "protocol") or "TCP").lower()
        if isinstance(port, str):
            continue
        if port is None:
            found.add(protocol)
        elif isinstance(end, int) and isinstance(port, int) and end > port:
            found.add(f"{protocol} {port}:{end}")
        else:
            found.add(f"{protocol} {port}")
    return frozenset(found)


def blocks(rule: object, direction: Direction, family: int) -> frozenset[str]:
    """Members of the set, as `member` has them."""
    return frozenset(
        one for peer in items(rule, PEERS[direction]) for one in _block(dig(peer, "ipBlock"), family)
    )


def member(written: str) -> str:
    """A member of the set, as `ipset save` prints it: without what does not count."""
    network, *options = written.split()
    return _network(network) + (NOMATCH if "nomatch" in options else "")


def _block(block: object, family: int) -> Iterator[str]:
    cidr = text(block, "cidr")
    if cidr and ip_network(cidr, strict=False).version == family:
        yield from _written(cidr, family)
        for one in texts(block, "except"):
            yield from (f"{network}{NOMATCH}" for network in _written(one, family))


def _written(cidr: str, family: int) -> tuple[str, ...]:
    return WHOLE[family] if cidr.endswith("/0") else (_network(cidr),)


def _network(cidr: str) -> str:
    try:
        return str(ip_network(cidr, strict=False))
    except ValueError:
        return cidr
