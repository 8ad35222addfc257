"""`flow add @f` (nft_flow_offload.c, nft_flow_offload_eval).

It ends the rule for each packet that does not make a flow of its connection: the first, and all later ones.
"""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Protocol, TcpFlags
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter import conntrack, tcp
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class FlowAdd:
    def execute(self, ctx: RuleContext) -> Outcome:
        connection = conntrack.connection_of(ctx.passage)
        if connection is None or not connection.confirmed or connection.status & conntrack.IPS_OFFLOAD:
            return Progress.BREAK
        if not _becomes_flow(ctx, connection):
            return Progress.BREAK
        connection.status |= conntrack.IPS_OFFLOAD
        return Progress.NEXT


def _becomes_flow(ctx: RuleContext, connection: conntrack.Connection) -> bool:
    match connection.original.protocol:
        case Protocol.UDP:
            return True
        case Protocol.TCP if not ctx.packet.flags & (TcpFlags.FIN | TcpFlags.RST):
            assured = bool(connection.status & conntrack.IPS_ASSURED)
            return (connection.tcp_state == tcp.ESTABLISHED and assured) or ctx.stack.choices.undecided(
                Unknown("whether this kernel takes a connection that is not established for a flow")
            )
        case _:
            return False
