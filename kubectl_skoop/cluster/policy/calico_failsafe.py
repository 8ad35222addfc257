"""Ports that Felix leaves open at host endpoints whatever policies say (felix/config/config_params.go)."""

from collections.abc import Iterator, Mapping, Sequence

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy.port import PROTOCOLS
from kubectl_skoop.cluster.policy.rule import Direction, Invalid, Rule, Verdict, doubtful
from kubectl_skoop.cluster.policy.term import EVERYBODY, InBlock
from kubectl_skoop.cluster.policy.written import cidr, fields, listed, port_range
from kubectl_skoop.cluster.raw import dig, ref_of

_CONFIGURATION = "FelixConfiguration.crd.projectcalico.org"
_FIELDS: Mapping[Direction, str] = {
    "ingress": "failsafeInboundHostPorts",
    "egress": "failsafeOutboundHostPorts",
}
_BOTH = (179, 2379, 2380, 5473, 6443, 6666, 6667)
_USUAL: Mapping[Direction, Sequence[tuple[str, int]]] = {
    "ingress": (("TCP", 22), ("UDP", 68), *(("TCP", port) for port in _BOTH)),
    "egress": (("UDP", 53), ("UDP", 67), *(("TCP", port) for port in _BOTH)),
}


def failsafe_rules(cluster: Cluster, node: str, direction: Direction) -> tuple[Rule, ...]:
    """Those of the node's FelixConfiguration, else of `default`, else the usual ones."""
    named = {ref_of(item).name: item for item in cluster.objects(_CONFIGURATION)}
    for name in (f"node.{node}", "default"):
        written = dig(named.get(name, {}), "spec", _FIELDS[direction])
        if written is not None:
            where = f"FelixConfiguration {name}, {_FIELDS[direction]}"
            try:
                return tuple(_written(written, where))
            except Invalid as error:
                return (doubtful(Verdict.ACCEPT, f"{where}: {error}", where),)
    return tuple(
        Rule(verdict=Verdict.ACCEPT, ports=port_range(protocol, port, port), where="failsafe ports")
        for protocol, port in _USUAL[direction]
    )


def _written(written: object, where: str) -> Iterator[Rule]:
    """Raises: Invalid."""
    for entry in listed(written, "failsafe ports"):
        known = fields(entry, "a failsafe port", ("protocol", "port", "net"))
        name = str(known.get("protocol") or "TCP").upper()
        if name not in PROTOCOLS:
            raise Invalid(f"unknown protocol {name!r}")
        net = known.get("net")
        yield Rule(
            verdict=Verdict.ACCEPT,
            peers=InBlock(cidr(net)) if net else EVERYBODY,
            ports=port_range(name, known.get("port"), known.get("port")),
            where=where,
        )
