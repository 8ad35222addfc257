"""Settings of devices on top of others, and of netkit."""

from typing import NamedTuple

NETKIT_DROP = 2


class Ipvlan(NamedTuple):
    """IFLA_IPVLAN_*"""

    mode: int
    """IPVLAN_MODE_*"""
    private: bool = False
    vepa: bool = False


class Macvlan(NamedTuple):
    """IFLA_MACVLAN_*"""

    mode: int
    """MACVLAN_MODE_*: 1 private, 2 vepa, 4 bridge, 8 passthru, 16 source."""
    sources: frozenset[str] | None = frozenset()
    """MACs that mode source takes frames from; None: an older agent did not tell them, and there are some."""
    alone: bool = False
    """Nobody else gets what these send (MACVLAN_FLAG_NODST)."""


class Netkit(NamedTuple):
    """IFLA_NETKIT_*"""

    policy: int = 0
    """What becomes of a packet where no program decides: 0 it goes on, 2 it is dropped."""
    primary: bool = False
    """The end that the programs of both are attached to."""


class Bond(NamedTuple):
    """IFLA_BOND_*"""

    mode: int = 0
    """BOND_MODE_*: 0 balance-rr, 1 active-backup, 2 xor, 3 broadcast, 4 802.3ad, 5 tlb, 6 alb."""
    active: int = 0
    """Index of the port in use (mode 1); 0: none."""
    all_active: bool = False
    """Ports that are not in use receive, too."""


class BondPort(NamedTuple):
    """IFLA_BOND_SLAVE_*"""

    backup: bool = False
    up: bool = True
    """By what the bond watches (miimon)."""
