"""What Felix would write on a node for compiled policies: its chains as iptables-save prints them, and sets.

After felix/rules/endpoints.go and policy.go, with one set a rule for its peers. Named ports and numbers stand
in rules of their own, as do protocols; the scratch marks that Felix uses for that are tested by hand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, summarize_address_range

from kubectl_skoop.cluster.policy.evaluate import PolicySet, selecting
from kubectl_skoop.cluster.policy.interval import Intervals
from kubectl_skoop.cluster.policy.port import EVERY
from kubectl_skoop.cluster.policy.rule import Direction, Policy, Rule, Verdict
from kubectl_skoop.cluster.policy.term import EVERYBODY, select
from kubectl_skoop.cluster.policy.tiers import stages
from kubectl_skoop.cluster.policy.universe import Universe

ACCEPT, PASS = "0x10000", "0x20000"
_NAMES = {1: "icmp", 6: "tcp", 17: "udp", 132: "sctp"}
_PREFIXES: dict[Direction, tuple[str, str, str]] = {
    "ingress": ("cali-tw-", "cali-pi-", "cali-pri-kns"),
    "egress": ("cali-fw-", "cali-po-", "cali-pro-kns"),
}
_CLEAR = '-m comment --comment "cali:x"'


@dataclass
class Felix:
    """One node. `devices`: of the pods on it, by their place in the universe."""

    universe: Universe
    policies: PolicySet
    devices: dict[int, str]
    chains: dict[str, list[str]] = field(default_factory=dict)
    sets: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def written(self) -> tuple[str, str]:
        """For iptables-save, table filter, and for `ipset save`."""
        for at, device in self.devices.items():
            found = selecting(
                self.policies.candidates(self.universe.parties[at].namespace), self.universe, at
            )
            for direction in _PREFIXES:
                self._endpoint(found, device, direction)
        for prefixes in _PREFIXES.values():
            self.chains[prefixes[2]] = [f"-j MARK --set-xmark {ACCEPT}/{ACCEPT}"]
        rules = {
            "FORWARD": ["-j cali-FORWARD"],
            "cali-FORWARD": ["-i cali+ -j cali-from-wl-dispatch", "-o cali+ -j cali-to-wl-dispatch"],
            "cali-from-wl-dispatch": [f"-i {name} -g cali-fw-{name}" for name in self.devices.values()],
            "cali-to-wl-dispatch": [f"-o {name} -g cali-tw-{name}" for name in self.devices.values()],
            **self.chains,
        }
        lines = ["*filter", ":FORWARD ACCEPT [0:0]", *(f":{chain} - [0:0]" for chain in [*rules][1:])]
        lines += [f"-A {chain} {rule}" for chain, own in rules.items() for rule in own]
        sets = [f"create {name} {kind} family inet" for name, (kind, _) in self.sets.items()]
        sets += [f"add {name} {one}" for name, (_, members) in self.sets.items() for one in members]
        return "\n".join([*lines, "COMMIT", ""]), "\n".join([*sets, ""])

    def _endpoint(self, found: Sequence[Policy], device: str, direction: Direction) -> None:
        prefix, policy_prefix, profile = _PREFIXES[direction]
        rules = [
            "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-m conntrack --ctstate INVALID -j DROP",
            f"-j MARK --set-xmark 0x0/{ACCEPT}",
        ]
        if direction == "egress":
            comment = '-m comment --comment "Drop VXLAN encapped packets originating in workloads"'
            rules.append(f"-p udp {comment} -m multiport --dports 4789 -j DROP")
        for stage in stages(found, direction):
            comment = f'-m comment --comment "Start of tier {stage.tier.name}"'
            rules.append(f"{_CLEAR} {comment} -j MARK --set-xmark 0x0/{PASS}")
            for policy, _ in (ruled for rank in stage.ranks for ruled in rank):
                chain = f"{policy_prefix}{self._policy(policy, direction)}"
                rules += [
                    f"-m mark --mark 0x0/{PASS} -j {chain}",
                    f"-m mark --mark {ACCEPT}/{ACCEPT} -j RETURN",
                ]
            if stage.isolating:
                rules.append(f"-m mark --mark 0x0/{PASS} -j DROP")
        rules += [f"-j {profile}", f"-m mark --mark {ACCEPT}/{ACCEPT} -j RETURN", "-j DROP"]
        self.chains[f"{prefix}{device}"] = rules

    def _policy(self, policy: Policy, direction: Direction) -> str:
        name = f"{self.policies.policies.index(policy)}"
        chain = f"{_PREFIXES[direction][1]}{name}"
        rules = policy.rules(direction)
        if chain not in self.chains:
            self.chains[chain] = []
            made = [
                line
                for number, rule in enumerate(rules.rules if rules else ())
                for line in self._rule(rule, f"{name}-{direction[0]}{number}", direction)
            ]
            self.chains[chain] = made
        return name

    def _rule(self, rule: Rule, name: str, direction: Direction) -> Iterator[str]:
        matched = ""
        if rule.peers != EVERYBODY:
            found = select(rule.peers, self.universe).yes
            parties = (
                self.universe.parties[at].address
                for at in range(len(self.universe.parties))
                if found.bits >> at & 1
            )
            members = [*_networks(found.outside), *(str(IPv4Address(one)) for one in parties)]
            self.sets[f"cali40s:{name}"] = "hash:net", [*dict.fromkeys(members)]
            matched = f"-m set --match-set cali40s:{name} {'src' if direction == 'ingress' else 'dst'} "
        for ports in _ports(rule.ports):
            yield from _act(f"{ports}{matched}", rule.verdict)
        for number, port in enumerate(rule.named):
            served = self.universe.serving(port.name, port.protocol)
            own = f"cali40n:{name}-{number}"
            self.sets[own] = (
                "hash:ip,port",
                [
                    f"{IPv4Address(party.address)},{port.protocol.lower()}:{at}"
                    for at, bits in served.items()
                    for place, party in enumerate(self.universe.parties)
                    if bits >> place & 1
                ],
            )
            yield from _act(
                f"-p {port.protocol.lower()} {matched}-m set --match-set {own} dst,dst ", rule.verdict
            )


def _act(matched: str, verdict: Verdict) -> Iterator[str]:
    match verdict:
        case Verdict.DENY:
            yield f"{matched}-j DROP"
        case Verdict.NEXT:
            yield f"{matched}-j MARK --set-xmark {PASS}/{PASS}"
            yield f"-m mark --mark {PASS}/{PASS} -j RETURN"
        case _:
            yield f"{matched}-j MARK --set-xmark {ACCEPT}/{ACCEPT}"
            yield f"-m mark --mark {ACCEPT}/{ACCEPT} -j RETURN"


def _ports(written: Intervals) -> Iterator[str]:
    if written == EVERY:
        yield ""
        return
    for low, high in written:
        for row in range(low >> 16, (high >> 16) + 1):
            first, last = max(low, row << 16) & 0xFFFF, min(high, (row << 16) + 0xFFFF) & 0xFFFF
            name = _NAMES.get(row, str(row))
            whole = (first, last) == (0, 0xFFFF)
            numbers = str(first) if first == last else f"{first}:{last}"
            yield f"-p {name} " + ("" if whole else f"-m multiport --dports {numbers} ")


def _networks(blocks: Intervals) -> Iterator[str]:
    for low, high in blocks:
        if low < 1 << 32:
            ends = IPv4Address(low), IPv4Address(min(high, (1 << 32) - 1))
            for network in summarize_address_range(*ends):
                if network.prefixlen:
                    yield str(network)
                else:
                    yield from ("0.0.0.0/1", "128.0.0.0/1")
