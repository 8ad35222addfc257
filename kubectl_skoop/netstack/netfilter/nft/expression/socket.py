"""`socket cgroupv2`, `socket transparent`: the socket that a packet belongs to (nft_socket.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype
from kubectl_skoop.netstack.netfilter.nft.document import text
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext


@dataclass(frozen=True, slots=True)
class SocketKey:
    key: str
    types: tuple[Datatype, ...] = (types.INTEGER,)

    def read(self, ctx: RuleContext) -> Reading:
        if ctx.hook is Hook.OUTPUT and ctx.passage.owner is None:
            return ABSENT
        return Unknown(f"socket {self.key}")


def parse_socket(body: object) -> SocketKey:
    """Raises Unmodelled."""
    return SocketKey(text(body, "key"))
