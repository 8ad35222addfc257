"""ipsets: what `ipset save` prints, and membership as the kernel tests it."""

from kubectl_skoop.netstack.ipset.lookup import Direction, Subject, lookup
from kubectl_skoop.netstack.ipset.save import parse_ipsets
from kubectl_skoop.netstack.ipset.types import IpSet

__all__ = ["Direction", "IpSet", "Subject", "lookup", "parse_ipsets"]
