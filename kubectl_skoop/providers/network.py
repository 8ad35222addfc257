"""Addresses and the networks that a cloud writes."""

from ipaddress import ip_network

from kubectl_skoop.api import Address

_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")


def contains(network: str, address: Address) -> bool:
    """Raises: ValueError (no network)."""
    parsed = ip_network(network, strict=False)
    return parsed.version == address.version and address in parsed


def is_public(address: Address) -> bool:
    """Of the internet, not of a network that organisations use inside (RFC 1918, 6598, 4193)."""
    return not any(contains(network, address) for network in _PRIVATE)
