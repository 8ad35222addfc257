"""Targets that change nothing of what decides a packet's way: it goes on to the next rule."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.types import Continue, RuleContext, Verdict


@dataclass(frozen=True, slots=True)
class Observe:
    """Kernel: each target's function returns XT_CONTINUE."""

    def apply(self, ctx: RuleContext) -> Verdict:
        return Continue()


def _kind(**arity: int) -> TargetKind:
    options = {"--" + name.replace("_", "-"): count for name, count in arity.items()}
    return TargetKind(options, lambda given: Observe())


KINDS = {
    "AUDIT": _kind(type=1),
    "CHECKSUM": _kind(checksum_fill=0),
    "CLASSIFY": _kind(set_class=1),
    "CONNSECMARK": _kind(save=0, restore=0),
    "ECN": _kind(ecn_tcp_remove=0),
    "IDLETIMER": _kind(timeout=1, label=1, alarm=0, send_nl_msg=1),
    "LED": _kind(led_trigger_id=1, led_delay=1, led_always_blink=0),
    "LOG": _kind(
        log_level=1,
        log_prefix=1,
        log_tcp_sequence=0,
        log_tcp_options=0,
        log_ip_options=0,
        log_uid=0,
        log_macdecode=0,
    ),
    "NFLOG": _kind(
        nflog_group=1,
        nflog_prefix=1,
        nflog_range=1,
        nflog_size=1,
        nflog_threshold=1,
    ),
    "RATEEST": _kind(rateest_name=1, rateest_interval=1, rateest_ewmalog=1),
    "SECMARK": _kind(selctx=1),
    "TEE": _kind(gateway=1, oif=1),
    "TRACE": _kind(),
    "ULOG": _kind(ulog_nlgroup=1, ulog_prefix=1, ulog_cprange=1, ulog_qthreshold=1),
}
