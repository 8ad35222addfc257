"""The connections that concern a cluster: those between addresses of its pods, services and nodes.

Each node is told the same short list of networks, so they may be wider than the addresses in them.
"""

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TypeVar

AnyNetwork = TypeVar("AnyNetwork", IPv4Network, IPv6Network)

NETWORKS = 48
"""Of one family that a collector is told at most."""


def between(written: Iterable[str]) -> str:
    """As the agent takes it (`collect --conntrack`): between any two of these addresses and networks.

    Without any: all connections. What is neither is passed over: objects may hold anything.
    """
    four: list[IPv4Network] = []
    six: list[IPv6Network] = []
    for item in written:
        try:
            network = ip_network(item, strict=False)
        except ValueError:
            continue
        if isinstance(network, IPv4Network):
            four.append(network)
        else:
            six.append(network)
    return ",".join(map(str, (*covering(four), *covering(six)))) or "all"


def covering(networks: Iterable[AnyNetwork], limit: int = NETWORKS) -> list[AnyNetwork]:
    """At most `limit` networks that hold all of these, none with a shorter prefix than needed for that."""
    exact = list(collapse_addresses(networks))
    if len(exact) <= limit:
        return exact

    def widened(length: int) -> list[AnyNetwork]:
        return list(
            collapse_addresses(
                one if one.prefixlen <= length else one.supernet(new_prefix=length) for one in exact
            )
        )

    lengths = range(exact[0].max_prefixlen + 1)
    longest = bisect_right(lengths, limit, key=lambda length: len(widened(length))) - 1
    return widened(longest)
