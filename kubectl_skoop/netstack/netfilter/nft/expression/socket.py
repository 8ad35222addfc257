"""`socket transparent`, `socket mark`, `socket wildcard`: what a packet belongs to (nft_socket.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.l4.endpoint import Client, Server
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype
from kubectl_skoop.netstack.netfilter.nft.document import text
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.socket_of import is_transparent, socket_of
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext

_TYPES = {"transparent": types.BOOLEAN, "wildcard": types.BOOLEAN, "mark": types.MARK}


@dataclass(frozen=True, slots=True)
class SocketKey:
    key: str

    @property
    def types(self) -> tuple[Datatype, ...]:
        return (_TYPES.get(self.key, types.INTEGER),)

    def read(self, ctx: RuleContext) -> Reading:
        """nft_socket_eval: without a socket the rule ends. What leaves has that of its sender."""
        if ctx.hook is Hook.OUTPUT:
            unsent = ctx.passage.owner is None and ctx.packet.inner is not None
            return ABSENT if unsent else Unknown(f"socket {self.key} of the sender")
        found = socket_of(ctx)
        if found is None:
            return ABSENT
        return found if isinstance(found, Unknown) else self._of(found)

    def _of(self, found: Socket | Client | Server) -> Reading:
        if self.key == "transparent":
            return int(is_transparent(found))
        if isinstance(found, Socket) and found.state != "half-open":
            if self.key == "mark":
                return found.mark
            if self.key == "wildcard":
                return int(int(found.local) == 0)
        return Unknown(f"socket {self.key}")


def parse_socket(body: object) -> SocketKey:
    """Raises Unmodelled."""
    return SocketKey(text(body, "key"))
