"""IPsec policies as XFRM gives them (include/uapi/linux/xfrm.h)."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Network


class Policy(NamedTuple):
    """struct xfrm_userpolicy_info, XFRMA_TMPL."""

    direction: str
    source: Network
    destination: Network
    protocol: int = 0
    sport: tuple[int, int] = (0, 0)
    """Value and mask, as `dport`."""
    dport: tuple[int, int] = (0, 0)
    priority: int = 0
    """The lowest number is asked first, then what was added first."""
    block: bool = False
    templates: int = 0
    """How often the packet must be transformed."""
    optional: bool = False
    """All of that may be left out of what comes in (level use)."""
    unmodelled: str = ""
    """What else it selects by, as text."""

    def __str__(self) -> str:
        """As `ip xfrm policy` prints it."""
        action = "block" if self.block else "allow"
        templates = f", {self.templates} templates" if self.templates else ""
        ends = f"src {self.source} dst {self.destination}"
        return f"{ends} dir {self.direction} priority {self.priority} {action}{templates}"


class Ipsec(NamedTuple):
    """What of IPsec a namespace has."""

    policies: tuple[Policy, ...] = ()
    """In the order in which they were added."""
    blocks: frozenset[str] = frozenset()
    """Directions in which is dropped what no policy selects (XFRM_MSG_GETDEFAULT)."""
