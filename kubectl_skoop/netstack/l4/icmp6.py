"""ICMPv6 in the terms of ICMP: types and codes, and what programs make of its errors (net/ipv6/icmp.c)."""

UNREACHABLE, TOO_BIG, TIME_EXCEEDED = 1, 2, 3
ECHO, ECHO_REPLY = 128, 129
FIRST_INFORMATION = 128
"""Types below are errors."""

OF_ICMP = {
    (3, 0): (UNREACHABLE, 0),
    (3, 1): (UNREACHABLE, 3),
    (3, 2): (4, 1),
    (3, 3): (UNREACHABLE, 4),
    (3, 4): (TOO_BIG, 0),
    (3, 13): (UNREACHABLE, 1),
    (11, 0): (TIME_EXCEEDED, 0),
}
"""Type and code of ICMP → those of ICMPv6 that say the same."""
ERRNO = {
    0: "ENETUNREACH",
    1: "EACCES",
    2: "EHOSTUNREACH",
    3: "EHOSTUNREACH",
    4: "ECONNREFUSED",
    5: "EACCES",
    6: "EACCES",
}
"""icmpv6_err_convert, tab_unreach: code → errno."""
SOFT = frozenset({0, 2, 3})
"""Codes that are not fatal, so a connected UDP socket does not report them."""
