"""-m cpu."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import number
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class Cpu:
    """Kernel: xt_cpu.c, cpu_mt: the hash of the receive queue chooses, so both ways are followed."""

    cpu: int

    def matches(self, ctx: RuleContext) -> Unknown:
        return Unknown(f"whether CPU {self.cpu} handles the packet")


KINDS = {"cpu": MatchKind({"--cpu": 1}, lambda options: Cpu(number(options.require("--cpu").values[0])))}
