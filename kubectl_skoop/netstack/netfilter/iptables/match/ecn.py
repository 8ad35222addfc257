"""-m ecn."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Option, Options, number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_ECN_MASK = 0x3


@dataclass(frozen=True, slots=True)
class Ecn:
    """Kernel: xt_ecn.c, ecn_mt4, ecn_mt6. A packet here has no ECE and CWR."""

    ect: Option | None
    flags: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        packet = ctx.packet
        if self.ect is not None:
            wanted = number(self.ect.values[0], _ECN_MASK)
            if (packet.tos & _ECN_MASK == wanted) == self.ect.negated:
                return False
        if not self.flags:
            return True
        if packet.protocol != Protocol.TCP or packet.fragment_offset:
            return False
        return Unknown("the ECN flags of TCP are not modelled")


def _parse(options: Options) -> Ecn:
    ect = options.find("--ecn-ip-ect")
    if ect is not None:
        number(ect.values[0], _ECN_MASK)
    return Ecn(ect, options.has("--ecn-tcp-cwr", "--ecn-tcp-ece"))


KINDS = {"ecn": MatchKind({"--ecn-ip-ect": 1, "--ecn-tcp-cwr": 0, "--ecn-tcp-ece": 0}, _parse)}
