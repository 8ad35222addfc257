"""What a proxy makes of the same objects otherwise than others do."""

from dataclasses import dataclass
from typing import Protocol

from kubectl_skoop.diagnosis.services.door import Target
from kubectl_skoop.diagnosis.services.meaning import NONE, Choices, Wanted

SCHEDULER, LOCAL = "kube-router.io/service.scheduler", "kube-router.io/service.local"
HAIRPIN, SKIPS_BALANCERS = "kube-router.io/service.hairpin", "kube-router.io/service.skiplbips"
"""Annotations of services that only kube-router reads."""
SCHEDULERS = ("rr", "lc", "dh", "sh", "mh")
"""That it takes; what else is written is the first."""


class Habits(Protocol):
    def choices(self, wanted: Wanted) -> Choices:
        """Sets of endpoints, one of which must be used: the first, or one that is right, too."""

    def must_refuse(self, wanted: Wanted) -> bool:
        """Of a door without an endpoint to be used: its connections must be ended."""

    def masquerades(self, wanted: Wanted, target: Target) -> bool:
        """Connections to this endpoint are masqueraded where any are."""

    def hairpins(self, wanted: Wanted) -> bool:
        """An endpoint may reach itself by the service."""

    def needs_node_ports(self) -> bool:
        """Of each family in which the node has an address."""

    def scheduler(self, wanted: Wanted) -> str:
        """Of IPVS, as ipvsadm names it; empty: it is the same for all services, and nothing says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeProxy:
    """The modes differ where a service keeps its connections on the node, and no endpoint is there."""

    local_or_all: bool = False
    """All endpoints are used, or none."""
    drops_without_local: bool = False
    """Connections to the cluster address are dropped."""

    def choices(self, wanted: Wanted) -> Choices:
        if wanted.local and not wanted.targets and self.local_or_all:
            return (*wanted.elsewhere, NONE)
        return wanted.choices

    def must_refuse(self, wanted: Wanted) -> bool:
        return self.drops_without_local or not (wanted.usable and wanted.door.kind == "cluster")

    def masquerades(self, wanted: Wanted, target: Target) -> bool:
        return True

    def hairpins(self, wanted: Wanted) -> bool:
        return True

    def needs_node_ports(self) -> bool:
        return True

    def scheduler(self, wanted: Wanted) -> str:
        return ""


class KubeRouter:
    """pkg/controllers/proxy, network_services_controller.go and service_endpoints_sync.go."""

    def choices(self, wanted: Wanted) -> Choices:
        """Whatever is ready or still serves (buildEndpointSliceInfo); hints are not read."""
        if self._skips(wanted):
            return (NONE,)
        return (wanted.serving & wanted.own if self._local(wanted) else wanted.serving,)

    def must_refuse(self, wanted: Wanted) -> bool:
        """Where it keeps connections on the node and no endpoint is there, it leaves the address alone."""
        return not self._local(wanted) and not self._skips(wanted)

    def masquerades(self, wanted: Wanted, target: Target) -> bool:
        """Answers of the node's own pods pass it anyway (ensureMasqueradeIptablesRule)."""
        return target in wanted.far

    def hairpins(self, wanted: Wanted) -> bool:
        return HAIRPIN in wanted.service.annotations and wanted.door.kind in ("cluster", "node-port")

    def needs_node_ports(self) -> bool:
        """Its usual way is the node's first address alone, so there may be none of the other family."""
        return False

    def scheduler(self, wanted: Wanted) -> str:
        written = wanted.service.annotations.get(SCHEDULER, "")
        return written if written in SCHEDULERS else SCHEDULERS[0]

    def _local(self, wanted: Wanted) -> bool:
        return wanted.local or wanted.service.annotations.get(LOCAL) == "true"

    def _skips(self, wanted: Wanted) -> bool:
        return wanted.door.kind == "balancer" and SKIPS_BALANCERS in wanted.service.annotations
