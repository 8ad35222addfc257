"""`reject` with its kinds, under the names of iptables (nft_reject_ipv4.c, nft_reject_inet.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import Reject, RuleContext

_ICMP = {
    "net-unreachable": "icmp-net-unreachable",
    "host-unreachable": "icmp-host-unreachable",
    "prot-unreachable": "icmp-proto-unreachable",
    "port-unreachable": "icmp-port-unreachable",
    "net-prohibited": "icmp-net-prohibited",
    "host-prohibited": "icmp-host-prohibited",
    "admin-prohibited": "icmp-admin-prohibited",
}
_ICMPV6 = {
    "no-route": "icmp6-no-route",
    "admin-prohibited": "icmp6-adm-prohibited",
    "addr-unreachable": "icmp6-addr-unreachable",
    "port-unreachable": "icmp6-port-unreachable",
    "policy-fail": "icmp6-policy-fail",
    "reject-route": "icmp6-reject-route",
}
_BOTH = {
    "no-route": ("icmp-net-unreachable", "icmp6-no-route"),
    "port-unreachable": ("icmp-port-unreachable", "icmp6-port-unreachable"),
    "host-unreachable": ("icmp-host-unreachable", "icmp6-addr-unreachable"),
    "admin-prohibited": ("icmp-admin-prohibited", "icmp6-adm-prohibited"),
}
_FAMILIES = {"ip": (4,), "ip6": (6,)}


@dataclass(frozen=True, slots=True)
class Refusal:
    kind4: str
    kind6: str
    """Empty: packets of this family are not concerned."""

    def execute(self, ctx: RuleContext) -> Outcome:
        if not isinstance(ctx.frame, Packet):
            return self._of_other_frame()
        kind = self.kind4 if ctx.frame.family == 4 else self.kind6
        if kind == "tcp-reset" and ctx.frame.protocol != Protocol.TCP:
            return Progress.BREAK
        return Reject(kind) if kind else Progress.BREAK

    def _of_other_frame(self) -> Outcome:
        """Dropped, unless the kind asks for a protocol first."""
        asks = self.kind4 == "tcp-reset" or not (self.kind4 and self.kind6)
        return Progress.BREAK if asks else Reject(self.kind4)


def parse_reject(body: object, scope: Scope) -> Refusal:
    """Raises Unmodelled."""
    kind, code = field(body, "type"), field(body, "expr") or "port-unreachable"
    if kind == "tcp reset":
        return Refusal("tcp-reset", "tcp-reset")
    try:
        match kind:
            case "icmp":
                return Refusal(_ICMP[str(code)], "")
            case "icmpv6":
                return Refusal("", _ICMPV6[str(code)])
            case "icmpx" | None:
                return Refusal(*_BOTH[str(code)])
    except KeyError:
        pass
    raise Unmodelled(f"reject with {kind} {code}")
