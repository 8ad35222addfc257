"""-m socket: a local socket would take the packet."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options
from kubectl_skoop.netstack.netfilter.socket_of import is_transparent, socket_of
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class LocalSocket:
    """Kernel: xt_socket.c, socket_match."""

    transparent: bool
    """Only sockets with IP_TRANSPARENT."""
    any_address: bool
    """--nowildcard: sockets bound to no address count, too."""
    restores_mark: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        found = socket_of(ctx)
        if found is None or isinstance(found, Unknown):
            return found if isinstance(found, Unknown) else False
        if self.transparent and not is_transparent(found):
            return False
        if not isinstance(found, Socket):
            return Unknown("the mark of a new socket") if self.restores_mark else True
        if int(found.local) == 0 and not self.any_address:
            return False
        if self.restores_mark:
            ctx.passage.mark = found.mark
        return True


def _parse(options: Options) -> LocalSocket:
    return LocalSocket(
        options.has("--transparent"), options.has("--nowildcard"), options.has("--restore-skmark")
    )


KINDS = {
    "socket": MatchKind({"--transparent": 0, "--nowildcard": 0, "--restore-skmark": 0}, _parse),
}
