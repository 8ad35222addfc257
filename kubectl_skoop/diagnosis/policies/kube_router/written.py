"""What a node has of kube-router's rules for policies."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kubectl_skoop.cluster.policy.kube_router import Family
from kubectl_skoop.cluster.policy.rule import Direction
from kubectl_skoop.diagnosis.policies.kube_router.meaning import Wanted
from kubectl_skoop.diagnosis.services.iptables import RuleTable
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable

FORWARD = "KUBE-ROUTER-FORWARD"
_OF_POD = re.compile(rf"-A {FORWARD} -([sd]) (\S+)/(?:32|128) .*-j (KUBE-POD-FW-\S+)")
_RUNS = re.compile(r'--comment "run through nw policy (.+)" -j (KUBE-NWPLCY-\S+)')
_SET = re.compile(r"--match-set (\S+) (src|dst)")
_PROTOCOL = re.compile(r" -p (\S+)")
_PORT = re.compile(r" --dport (\S+)")

Opening = Mapping[tuple[Direction, str], set[str]]
"""Ports (as in `Opened`) that a policy's chain lets through, by direction and the set of the peers."""
NamedSets = Mapping[tuple[Direction, str, str], set[str]]
"""Sets of receivers, by direction, the set of the senders (of ingress), and port."""


@dataclass(slots=True)
class Chains:
    """Those of one family."""

    rules: RuleTable
    _of_pods: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for line in self.rules.lines(FORWARD):
            if jump := _OF_POD.fullmatch(line):
                self._of_pods[jump[1], jump[2]] = jump[3]

    def of_pod(self, address: str) -> str | None:
        """The chain that packets to and from it run through; None: there is none for both."""
        chain = self._of_pods.get(("d", address))
        return chain if chain is not None and chain == self._of_pods.get(("s", address)) else None

    def policies_of(self, chain: str) -> dict[str, str]:
        """Names of policies → their chains."""
        return {run[1]: run[2] for line in self.rules.lines(chain) if (run := _RUNS.search(line))}

    def rejects(self, chain: str) -> bool:
        return any("-j REJECT" in line for line in self.rules.lines(chain))

    def opened(self, chain: str, policy: Wanted) -> Opening:
        """By rules that ask for the pods that the policy selects, and for no name of a port."""
        found: dict[tuple[Direction, str], set[str]] = {}
        own: dict[tuple[str, str], Direction] = {}
        for direction, target in policy.targets.items():
            own[target.name, "dst" if direction == "ingress" else "src"] = direction
        for line, sets in self._marking(chain):
            towards = next((own[one] for one in sets if one in own), None)
            if towards is None or any(name in policy.named_sets for name, _ in sets):
                continue
            peers = next((name for name, end in sets if (name, end) not in own), "")
            found.setdefault((towards, peers), set()).add(_ports(line))
        return found

    def named(self, chain: str, policy: Wanted) -> NamedSets:
        """By rules that ask for a set of the pods at which a name of a port stands for a number."""
        found: dict[tuple[Direction, str, str], set[str]] = {}
        for line, sets in self._marking(chain):
            of_name = next((name for name, end in sets if end == "dst" and name in policy.named_sets), None)
            if of_name is None:
                continue
            direction = policy.named_sets[of_name]
            senders = next((name for name, end in sets if end == "src"), "")
            peers = senders if direction == "ingress" else ""
            found.setdefault((direction, peers, _ports(line)), set()).add(of_name)
        return found

    def _marking(self, chain: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Rules that let through, with their sets, each with `src` or `dst`."""
        for line in self.rules.lines(chain):
            if " -j MARK " in line:
                yield line, [(one[1], one[2]) for one in _SET.finditer(line)]


def _ports(line: str) -> str:
    protocol, port = _PROTOCOL.search(line), _PORT.search(line)
    return f"{protocol[1] if protocol else ''} {port[1] if port else ''}".strip()


def written(ns: NetworkNamespace, family: Family) -> Chains | None:
    """The filter table that has kube-router's chains; None: none has."""
    for base in ns.netfilter.base_chains:
        table = base.table
        if isinstance(table, SavedTable) and (table.name, table.family) == ("filter", family):
            rules = RuleTable(table)
            if rules.leads("FORWARD", FORWARD):
                return Chains(rules)
    return None
