"""IPv6 source choice, RFC 6724 as net/ipv6/addrconf.c, ipv6_dev_get_saddr does it."""

from ipaddress import IPv6Address, IPv6Network

from kubectl_skoop.netstack.device import (
    IFA_F_DADFAILED,
    IFA_F_DEPRECATED,
    IFA_F_TEMPORARY,
    InterfaceAddress,
)
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import AddressLabel

_PREFERRED, _NO_LABEL = 2, 0xFFFFFFFF
"""use_tempaddr; IPV6_ADDR_LABEL_DEFAULT."""
_SCOPE_LINK, _SCOPE_SITE, _SCOPE_GLOBAL = 2, 5, 14
_ORCHID = IPv6Network("2001:10::/28")
DEFAULT_LABELS = tuple(
    AddressLabel(IPv6Network(prefix), label)
    for prefix, label in (
        ("::1/128", 0),
        ("::ffff:0:0/96", 4),
        ("::/96", 3),
        ("2001:10::/28", 7),
        ("2001::/32", 6),
        ("2002::/16", 2),
        ("fc00::/7", 5),
        ("::/0", 1),
    )
)
"""Address labels that the kernel begins with (net/ipv6/addrlabel.c)."""


def select_address6(ns: NetworkNamespace, device: int, destination: IPv6Address) -> IPv6Address | None:
    """Best address by rules 1, 2, 3 and 5 to 8, of equal ones the first; of other devices too if allowed."""
    only_device = device and (
        destination.is_multicast
        or _scope(destination) <= _SCOPE_LINK
        or ns.sysctls.device(ns.device_name(device), "use_oif_addrs_only", 0, 6)
    )
    indexes = [device] if only_device else sorted(ns.devices)
    best: tuple[tuple[int, ...], IPv6Address] | None = None
    for index in indexes:
        for entry in ns.addresses_of(6, index):
            if entry.tentative or entry.flags & IFA_F_DADFAILED:
                continue
            if not isinstance(entry.address, IPv6Address) or entry.address.is_multicast:
                continue
            score = _score(ns, entry, entry.address, destination, device)
            if best is None or score > best[0]:
                best = score, entry.address
    return best[1] if best else None


def _score(
    ns: NetworkNamespace, entry: InterfaceAddress, address: IPv6Address, destination: IPv6Address, device: int
) -> tuple[int, ...]:
    """Compared from left to right (ipv6_get_saddr_eval)."""
    scope, wanted = _scope(address), _scope(destination)
    likes_temporary = ns.sysctls.device(ns.device_name(entry.device), "use_tempaddr", 0, 6) >= _PREFERRED
    wanted_label = _label(ns, destination, device)
    return (
        int(address == destination),
        -scope if scope >= wanted else scope - 128,
        int(not entry.flags & IFA_F_DEPRECATED),
        int(not device or entry.device == device),
        int(_label(ns, address, entry.device) == wanted_label),
        int(bool(entry.flags & IFA_F_TEMPORARY) == likes_temporary),
        int((address in _ORCHID) == (destination in _ORCHID)),
        min(128 - (int(address) ^ int(destination)).bit_length(), entry.prefix),
    )


def _scope(address: IPv6Address) -> int:
    """ipv6_addr_src_scope, IPV6_ADDR_MC_SCOPE; loopback counts as link-local."""
    if address.is_multicast:
        return (int(address) >> 112) & 0xF
    if address.is_link_local or address.is_loopback:
        return _SCOPE_LINK
    return _SCOPE_SITE if address.is_site_local else _SCOPE_GLOBAL


def _label(ns: NetworkNamespace, address: IPv6Address, device: int) -> int:
    """ipv6_addr_label: of the longest prefix; without one that fits, a label that none has."""
    labels = DEFAULT_LABELS if ns.address_labels is None else ns.address_labels
    fitting = [one for one in labels if address in one.prefix and one.device in (0, device)]
    return max(fitting, key=lambda one: one.prefix.prefixlen).label if fitting else _NO_LABEL
