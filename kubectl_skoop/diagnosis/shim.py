"""The underlay as a provider sees it, asked on each link between nodes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kubectl_skoop.cluster.objects import NodeInfo
from kubectl_skoop.diagnosis.branch import Branch
from kubectl_skoop.diagnosis.interface import InfraShim
from kubectl_skoop.diagnosis.world import Port
from kubectl_skoop.model.packet import Frame, Packet
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Stack


@dataclass(frozen=True, slots=True)
class Underlay:
    """The provider's network between the nodes, and towards the outside."""

    shim: InfraShim
    node: Callable[[str], NodeInfo | None]

    def between(self, branch: Branch, stack: Stack, device: Device, port: Port, frame: Frame) -> bool:
        """Whether the frame reaches the other node; if not, the loss is recorded."""
        source, target = self.node(stack.ns.node), self.node(port.ns.node)
        if not isinstance(frame, Packet) or source is None or target is None:
            return True
        return self._judge(branch, stack, frame, self.shim.node_to_node(source, device.name, target, frame))

    def leaving(self, branch: Branch, stack: Stack, device: Device, packet: Packet) -> bool:
        source = self.node(stack.ns.node)
        if source is None:
            return True
        return self._judge(branch, stack, packet, self.shim.node_to_external(source, device.name, packet))

    def _judge(self, branch: Branch, stack: Stack, packet: Packet, findings: Sequence[Suspicion]) -> bool:
        passes = True
        for finding in findings:
            branch.shim_findings.append(finding)
            if finding.effect == "unknown":
                stack.give_up(finding.code, packet, finding.message, where=finding.where)
                passes = False
            elif finding.effect == "stops":
                stack.lose(
                    finding.code,
                    packet,
                    finding.message,
                    where=finding.where,
                    evidence=finding.evidence,
                    remedy=finding.remedy,
                )
                passes = False
        return passes
