"""`fwd to "dev"`: another device sends the frame (nft_fwd_netdev.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope, parse_mapping
from kubectl_skoop.netstack.netfilter.nft.expression.value import Absent, Expression
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import Redirected, RuleContext, Stolen


@dataclass(frozen=True, slots=True)
class ForwardTo:
    device: Expression

    def execute(self, ctx: RuleContext) -> Outcome:
        name = self.device.read(ctx)
        if isinstance(name, Absent):
            return Progress.BREAK
        if isinstance(name, Unknown):
            return Stolen(name)
        device = ctx.stack.ns.device_by_name.get(str(name))
        return Stolen(Unknown(f"no device {name}")) if device is None else Redirected(device.index)


def parse_forward(body: object, scope: Scope) -> ForwardTo:
    """Raises Unmodelled: a next hop is looked up, which counts down the TTL."""
    if field(body, "addr") is not None:
        raise Unmodelled("fwd to an address")
    return ForwardTo(parse_mapping(field(body, "dev"), (types.INDEX,), scope))
