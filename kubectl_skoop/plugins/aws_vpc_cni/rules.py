"""iptables as aws-node writes it: what leaves the VPC has the node's address, and answers the way they came.

pkg/networkutils/network.go (buildIptablesSNATRules), and iptables_connmark.go or, where iptables is that of
nft, nftables_connmark.go. What aws-node was told is in no snapshot (external translation, node ports,
networks that are excluded), so a rule is wanted where one of the nodes that are looked at has it: the agents
of all nodes are told the same.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from kubectl_skoop.api import Expectation, NetworkNamespace, expect

SNAT, CONNMARK = "AWS-SNAT-CHAIN-0", "AWS-CONNMARK-CHAIN-0"
RESTORE = "-j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80"
SET = "-j CONNMARK --set-xmark 0x80/0x80"
RANDOM = (" --random-fully", "", " --random")
"""AWS_VPC_K8S_CNI_RANDOMIZESNAT: its default first."""
NATIVE, BASE, MARKS = "ip aws-cni", "nat-prerouting", "snat-mark"
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
    native = _has_table(host.ns)
    marks = _native_marks(prefix, networks) if native else _marks(prefix, networks)
    for rule in (*_rules(prefix, networks), *marks):
        if any(rule(one).find(one.ns) for one in (host, *others)):
            yield rule(host)


def _rules(prefix: str, networks: Sequence[str]) -> Iterator[Rule]:
    pods = f"-i {prefix}+ "
    mangle = _of("mangle", "PREROUTING")
    yield lambda host: mangle(f"-i {host.uplink} -m addrtype --dst-type LOCAL --limit-iface-in {SET}")
    yield lambda host: mangle(pods + RESTORE)
    yield lambda host: mangle(f"-i vlan+ {RESTORE}")
    yield lambda host: _of("nat", "POSTROUTING")(f"-j {SNAT}")
    yield lambda host: _of("nat", SNAT)(*(_translation(host) + random for random in RANDOM))
    for network in networks:
        yield _return(SNAT, network)


def _marks(prefix: str, networks: Sequence[str]) -> Iterator[Rule]:
    """Of connections that leave the VPC, given back to their answers."""
    pods, nat = f"-i {prefix}+ ", _of("nat", "PREROUTING")
    yield lambda host: nat(f"{pods}-j {CONNMARK}", f"{pods}-m state --state NEW -j {CONNMARK}")
    yield lambda host: nat(RESTORE)
    yield lambda host: _of("nat", CONNMARK)(SET)
    for network in networks:
        yield _return(CONNMARK, network)


def _native_marks(prefix: str, networks: Sequence[str]) -> Iterator[Rule]:
    """The same, of a table of nft."""
    yield lambda host: expect.nft(NATIVE, BASE, f'iifname "{prefix}*" jump {MARKS}', because=BECAUSE)
    yield lambda host: expect.nft(NATIVE, BASE, "meta mark set ct mark & 0x00000080", because=BECAUSE)
    yield lambda host: expect.nft(NATIVE, MARKS, "ct mark set ct mark | 0x00000080", because=BECAUSE)
    for network in networks:
        yield _native_return(network)


def _native_return(network: str) -> Rule:
    because = f"{BECAUSE}: {network} is the VPC's own"
    return lambda host: expect.nft(NATIVE, MARKS, f"ip daddr {network} return", because=because)


def _has_table(ns: NetworkNamespace) -> bool:
    return any(base.table.name == NATIVE for base in ns.netfilter.base_chains)


def _of(table: str, chain: str) -> Callable[..., Expectation]:
    return lambda *rules: expect.iptables(table, chain, *rules, because=BECAUSE)


def _translation(host: Host) -> str:
    return f"! -o vlan+ -m addrtype ! --dst-type LOCAL -j SNAT --to-source {host.address}"


def _return(chain: str, network: str) -> Rule:
    because = f"{BECAUSE}: {network} is the VPC's own"
    return lambda host: expect.iptables("nat", chain, f"-d {network} -j RETURN", first=True, because=because)
