"""What is broken of BGP between nodes of Calico; all of it the plugin must name."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubectl_skoop.testing.bird import BirdLab
from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.faults import Fault

A_TO_B = ("pod/default/a to pod/default/b:8080",)
SCANNED = 2.5
"""Seconds after which BIRD has seen what was done to its routes, and repaired what it repairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    fault: Fault
    silent: Sequence[str] = ()
    """Nodes whose BIRD does not run."""
    peered: bool = True
    """The BGPPeer for the route reflector is there."""

    def apply(self, lab: BirdLab) -> None:
        run_steps(lab, self.fault.steps)
        if self.fault.steps:
            time.sleep(SCANNED)


def _broken(
    name: str,
    place: str,
    text: str,
    *steps: str,
    state: str = "missing",
    silent: str = "",
    peered: bool = True,
) -> Broken:
    fault = Fault(
        id=name,
        steps=steps,
        codes=(f"calico.route.{state}",),
        places=(place,),
        texts=(text,),
        only=A_TO_B,
    )
    return Broken(fault=fault, silent=(silent,) if silent else (), peered=peered)


_OF_BOTH = (
    _broken("BIRD of the server's node does not run", "node/n1", "BGP on node n2", silent="n2"),
    _broken("BIRD of the client's node does not run", "node/n1", "BGP on node n1", silent="n1"),
    _broken(
        "another route hides the pod",
        *("node/n1", "more specific", "n1: ip route add blackhole {b}"),
        state="differs",
    ),
    _broken(
        "a rule leads the pod's packets to another table",
        *("node/n1", "policy rule", "n1: ip rule add from {a} lookup 100"),
        "n1: ip route add unreachable default table 100",
        state="differs",
    ),
)
FAULTS: Mapping[bool, Sequence[Broken]] = {
    False: (
        *_OF_BOTH,
        _broken(
            "a route of somebody else is preferred to BIRD's",
            *("node/n1", "{range.n2}", "n1: ip route add {range.n2} via 10.0.0.254 metric 1"),
            state="differs",
        ),
    ),
    True: (
        *_OF_BOTH,
        _broken("BIRD of the route reflector does not run", "node/n1", "route reflector n3", silent="n3"),
        _broken("no BGPPeer leads to the route reflector", "node/n1", "BGPPeers: none", peered=False),
    ),
}
"""In a mesh, and by a route reflector."""
