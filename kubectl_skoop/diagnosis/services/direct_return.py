"""Services with direct server return, as kube-router makes them (setupExternalIPForDSRService).

No device has the address. The table mangle gives what comes for it a mark, a policy rule leads the mark to
a table that calls every address the node's own, and the virtual server is that of the mark. IPVS puts the
packet into a tunnel to the endpoint, so its port stays as it is.
"""

import re
from collections.abc import Mapping
from functools import cached_property

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.diagnosis.services.door import Door, Target
from kubectl_skoop.diagnosis.services.iptables import RuleTable
from kubectl_skoop.diagnosis.services.virtual_servers import Served
from kubectl_skoop.diagnosis.services.walk import Leaf
from kubectl_skoop.netstack.ipvs.service import RealServer, VirtualService
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable

ANNOTATION = "kube-router.io/service.dsr"

_MARKED = re.compile(
    r"-A PREROUTING -d ([^ /]+)(?:/\d+)? -p (tcp|udp) -m (?:tcp|udp) --dport (\d+) "
    r"-j MARK --set-xmark 0x([0-9a-f]+)/0xffffffff"
)


class DirectReturn:
    """Of one node and family."""

    def __init__(self, mangle: SavedTable | None, ns: NetworkNamespace, family: int) -> None:
        self._mangle, self._ns, self._family = RuleTable(mangle), ns, family

    def leaves(self, door: Door) -> list[Leaf] | None:
        """None: nothing marks packets for this door."""
        found = self._marks.get((str(door.address), door.protocol, door.port))
        if found is None:
            return None
        mark, rule = found
        service = self._of_mark(mark)
        problem = self._problem(mark, service)
        servers = [one for one in service.servers if one.weight > 0] if service and not problem else []
        if service is None or not servers:
            steps = (Served(rule), Served(problem or f"IPVS {service}: no server with a weight"))
            return [Leaf(1.0, None, (), steps)]
        total = sum(one.weight for one in servers)
        return [
            Leaf(
                one.weight / total,
                _target(one, door),
                ("",),
                (Served(rule), Served(f"IPVS {service} {service.scheduler} → {one} {one.method}")),
                affinity=service.timeout if service.persistent else 0,
            )
            for one in servers
        ]

    def find(self, door: Door) -> VirtualService | None:
        found = self._marks.get((str(door.address), door.protocol, door.port))
        return self._of_mark(found[0]) if found else None

    def _of_mark(self, mark: int) -> VirtualService | None:
        wanted = (mark, self._family)
        return next((one for one in self._ns.ipvs if (one.fwmark, one.family) == wanted), None)

    def _problem(self, mark: int, service: VirtualService | None) -> str:
        """Why packets with this mark do not get to a virtual server; empty: they do."""
        if service is None:
            return f"IPVS has no virtual server for the mark {mark:#x}"
        if not self._led_here(mark):
            return f"no policy rule leads the mark {mark:#x} to a local table, so packets do not get to IPVS"
        return ""

    def _led_here(self, mark: int) -> bool:
        tables = {
            route.table
            for route in self._ns.routes
            if route.type == "local" and not route.destination.prefixlen
        }
        return any(
            rule.action == "lookup" and rule.mask and mark & rule.mask == rule.mark and rule.table in tables
            for rule in self._ns.rules
            if rule.family == self._family
        )

    @cached_property
    def _marks(self) -> Mapping[tuple[str, str, int], tuple[int, str]]:
        """By address, protocol and port; the last rule wins. With the rule's text."""
        found = {}
        for line in self._mangle.lines("PREROUTING"):
            if one := _MARKED.fullmatch(line):
                key = (str(parse_address(one[1])), one[2], int(one[3]))
                found[key] = (int(one[4], 16), line)
        return found


def _target(server: RealServer, door: Door) -> Target:
    """Only NAT changes the port."""
    return Target(server.address, server.port if server.method == "masquerade" else door.port)
