"""What a namespace has of IPsec; what it consists of is in `ipsec_types`."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kubectl_skoop.netstack.xfrm.ipsec_types import Policy, State


class Ipsec(NamedTuple):
    """Policies and states."""

    policies: "tuple[Policy, ...]" = ()
    """In the order in which they were added."""
    blocks: frozenset[str] = frozenset()
    """Directions in which is dropped what no policy selects (XFRM_MSG_GETDEFAULT)."""
    states: "tuple[State, ...] | None" = ()
    """The newest first; None: an older agent counted them only, and there are some."""

    @property
    def is_asked(self) -> bool:
        """About each packet; else all pass as they are."""
        return bool(self.policies or self.blocks)
