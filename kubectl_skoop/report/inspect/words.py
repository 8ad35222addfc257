"""The names that iproute2 and conntrack print for the kernel's numbers (rt_names, include/uapi)."""

from collections.abc import Mapping

ROUTE_TABLES = {253: "default", 254: "main", 255: "local"}
ROUTE_TYPES = {
    1: "unicast",
    2: "local",
    3: "broadcast",
    4: "anycast",
    5: "multicast",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
    9: "throw",
    10: "nat",
}
ROUTE_PROTOCOLS = {
    1: "redirect",
    2: "kernel",
    3: "boot",
    4: "static",
    8: "gated",
    9: "ra",
    11: "zebra",
    12: "bird",
    16: "dhcp",
    186: "bgp",
    187: "isis",
    188: "ospf",
    189: "rip",
    192: "eigrp",
}
SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
PROTOCOLS = {
    1: "icmp",
    2: "igmp",
    4: "ipip",
    6: "tcp",
    17: "udp",
    47: "gre",
    50: "esp",
    58: "icmpv6",
    132: "sctp",
}
NEIGHBOUR_STATES = {
    0x01: "INCOMPLETE",
    0x02: "REACHABLE",
    0x04: "STALE",
    0x08: "DELAY",
    0x10: "PROBE",
    0x20: "FAILED",
    0x40: "NOARP",
    0x80: "PERMANENT",
}
DEVICE_FLAGS = {
    0x8: "LOOPBACK",
    0x2: "BROADCAST",
    0x10: "POINTOPOINT",
    0x1000: "MULTICAST",
    0x80: "NOARP",
    0x200: "ALLMULTI",
    0x100: "PROMISC",
    0x400: "MASTER",
    0x800: "SLAVE",
    0x4: "DEBUG",
    0x4000: "DYNAMIC",
    0x8000: "AUTOMEDIA",
    0x2000: "PORTSEL",
    0x20: "NOTRAILERS",
    0x1: "UP",
    0x10000: "LOWER_UP",
    0x20000: "DORMANT",
    0x40000: "ECHO",
}
"""In the order that `ip link` prints them."""
OPERATIONAL_STATES = {
    0: "UNKNOWN",
    1: "NOTPRESENT",
    2: "DOWN",
    3: "LOWERLAYERDOWN",
    4: "TESTING",
    5: "DORMANT",
    6: "UP",
}
PORT_STATES = {0: "disabled", 1: "listening", 2: "learning", 3: "forwarding", 4: "blocking"}
LINK_TYPES = {1: "ether", 772: "loopback", 768: "ipip", 769: "tunnel6", 776: "sit", 778: "gre", 65534: "none"}
TCP_SOCKET_STATES = {
    1: "ESTAB",
    2: "SYN-SENT",
    3: "SYN-RECV",
    4: "FIN-WAIT-1",
    5: "FIN-WAIT-2",
    6: "TIME-WAIT",
    7: "UNCONN",
    8: "CLOSE-WAIT",
    9: "LAST-ACK",
    10: "LISTEN",
    11: "CLOSING",
}
TCP_CONNTRACK_STATES = {
    0: "NONE",
    1: "SYN_SENT",
    2: "SYN_RECV",
    3: "ESTABLISHED",
    4: "FIN_WAIT",
    5: "CLOSE_WAIT",
    6: "LAST_ACK",
    7: "TIME_WAIT",
    8: "CLOSE",
    9: "SYN_SENT2",
}


def word(names: Mapping[int, str], number: int) -> str:
    """The name, or the number where there is none."""
    return names.get(number, str(number))


def words(names: Mapping[int, str], bits: int) -> list[str]:
    return [name for bit, name in names.items() if bits & bit]
