"""The listing of arptables-legacy, in the form of a save text."""

import pytest

from kubectl_skoop.collect.arptables import as_save

LISTING = """\
Chain INPUT (policy ACCEPT)
-j DROP -s 10.1.0.2
-j mine ! -s 10.1.0.0/24
--opcode 2

Chain OUTPUT (policy DROP)
-j DROP ! -o p1 --dst-mac 02:00:00:00:00:00/ff:ff:ff:00:00:00
-j mangle -o p0 --mangle-ip-s 1.2.3.4

Chain mine (2 references)
"""


def test_rules_are_listed_as_the_save_tools_do() -> None:
    assert as_save(LISTING).splitlines() == [
        "# arptables-legacy -n -L",
        "*filter",
        ":INPUT ACCEPT",
        ":OUTPUT DROP",
        ":mine -",
        "-A INPUT -s 10.1.0.2 -j DROP",
        "-A INPUT -j mine ! -s 10.1.0.0/24",
        "-A INPUT --opcode 2",
        "-A OUTPUT ! -o p1 --dst-mac 02:00:00:00:00:00/ff:ff:ff:00:00:00 -j DROP",
        "-A OUTPUT -j mangle -o p0 --mangle-ip-s 1.2.3.4",
        "COMMIT",
    ]


def test_a_rule_outside_of_any_chain_is_no_listing() -> None:
    with pytest.raises(OSError, match="before any chain"):
        as_save("-j DROP")
