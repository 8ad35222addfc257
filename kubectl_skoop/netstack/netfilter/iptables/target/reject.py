"""-j REJECT."""

from typing import NamedTuple

from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable
from kubectl_skoop.netstack.netfilter.types import Reject, RuleContext, Verdict

_RESET = {"tcp-reset": "tcp-reset", "tcp-rst": "tcp-reset"}
_NAMES = {
    4: _RESET
    | {
        "icmp-net-unreachable": "icmp-net-unreachable",
        "net-unreach": "icmp-net-unreachable",
        "icmp-host-unreachable": "icmp-host-unreachable",
        "host-unreach": "icmp-host-unreachable",
        "icmp-proto-unreachable": "icmp-proto-unreachable",
        "proto-unreach": "icmp-proto-unreachable",
        "icmp-port-unreachable": "icmp-port-unreachable",
        "port-unreach": "icmp-port-unreachable",
        "icmp-net-prohibited": "icmp-net-prohibited",
        "net-prohib": "icmp-net-prohibited",
        "icmp-host-prohibited": "icmp-host-prohibited",
        "host-prohib": "icmp-host-prohibited",
        "icmp-admin-prohibited": "icmp-admin-prohibited",
        "admin-prohib": "icmp-admin-prohibited",
    },
    6: _RESET
    | {
        "icmp6-no-route": "icmp6-no-route",
        "no-route": "icmp6-no-route",
        "icmp6-adm-prohibited": "icmp6-adm-prohibited",
        "adm-prohibited": "icmp6-adm-prohibited",
        "icmp6-addr-unreachable": "icmp6-addr-unreachable",
        "addr-unreach": "icmp6-addr-unreachable",
        "icmp6-port-unreachable": "icmp6-port-unreachable",
        "port-unreach": "icmp6-port-unreachable",
        "icmp6-policy-fail": "icmp6-policy-fail",
        "policy-fail": "icmp6-policy-fail",
        "icmp6-reject-route": "icmp6-reject-route",
        "reject-route": "icmp6-reject-route",
    },
}
"""libipt_REJECT, libip6t_REJECT: names and their aliases."""
_DEFAULT = {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"}


class RejectWith(NamedTuple):
    """Kernel: ipt_REJECT.c, reject_tg; ip6t_REJECT.c, reject_tg6."""

    kind: str

    def apply(self, ctx: RuleContext) -> Verdict:
        return Reject(self.kind)


def _parse(options: Options) -> RejectWith:
    text = options.value("--reject-with", default=_DEFAULT[options.family])
    kind = _NAMES[options.family].get(text)
    if kind is None:
        raise Unreadable(f"--reject-with {text}")
    return RejectWith(kind)


KINDS = {"REJECT": TargetKind({"--reject-with": 1}, _parse)}
