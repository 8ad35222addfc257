"""iptables as aws-node writes it: what leaves the VPC has the node's address, and answers the way they came.

pkg/networkutils/network.go (buildIptablesSNATRules) and iptables_connmark.go. What aws-node was told is in no
snapshot (external translation, node ports, networks that are excluded), so a rule is wanted where one of the
nodes that are looked at has it: the agents of all nodes are told the same.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from kubectl_skoop.api import Expectation, NetworkNamespace, expect

SNAT, CONNMARK = "AWS-SNAT-CHAIN-0", "AWS-CONNMARK-CHAIN-0"
RESTORE = "-j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80"
SET = "-j CONNMARK --set-xmark 0x80/0x80"
RANDOM = (" --random-fully", "", " --random")
"""AWS_VPC_K8S_CNI_RANDOMIZESNAT: its default first."""
BECAUSE = "aws-node writes it when it starts, as it did on other nodes"


class Host(NamedTuple):
    """A node, as far as its rules depend on it."""

    ns: NetworkNamespace
    uplink: str
    address: str
    """Its primary one."""


Rule = Callable[[Host], Expectation]


def wanted(host: Host, others: Sequence[Host], prefix: str, networks: Sequence[str]) -> Iterator[Expectation]:
    """`prefix`: of the pods' devices. `networks`: of the VPC; none: they are not known."""
    for rule in _rules(prefix, networks):
        if any(rule(one).find(one.ns) for one in (host, *others)):
            yield rule(host)


def _rules(prefix: str, networks: Sequence[str]) -> Iterator[Rule]:
    pods = f"-i {prefix}+ "
    mangle, nat = _of("mangle", "PREROUTING"), _of("nat", "PREROUTING")
    yield lambda host: mangle(f"-i {host.uplink} -m addrtype --dst-type LOCAL --limit-iface-in {SET}")
    yield lambda host: mangle(pods + RESTORE)
    yield lambda host: mangle(f"-i vlan+ {RESTORE}")
    yield lambda host: nat(f"{pods}-j {CONNMARK}", f"{pods}-m state --state NEW -j {CONNMARK}")
    yield lambda host: nat(RESTORE)
    yield lambda host: _of("nat", CONNMARK)(SET)
    yield lambda host: _of("nat", "POSTROUTING")(f"-j {SNAT}")
    yield lambda host: _of("nat", SNAT)(*(_translation(host) + random for random in RANDOM))
    for chain in (CONNMARK, SNAT):
        for network in networks:
            yield _return(chain, network)


def _of(table: str, chain: str) -> Callable[..., Expectation]:
    return lambda *rules: expect.iptables(table, chain, *rules, because=BECAUSE)


def _translation(host: Host) -> str:
    return f"! -o vlan+ -m addrtype ! --dst-type LOCAL -j SNAT --to-source {host.address}"


def _return(chain: str, network: str) -> Rule:
    because = f"{BECAUSE}: {network} is the VPC's own"
    return lambda host: expect.iptables("nat", chain, f"-d {network} -j RETURN", first=True, because=because)
