"""What a node's rules do with connections to a service, held against what was meant."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from kubectl_skoop.diagnosis.services.found import SERVICES, Leaf, ProxyRules
from kubectl_skoop.diagnosis.services.meaning import Target, Wanted
from kubectl_skoop.diagnosis.services.proxy_rule import MARK_MASQ
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion

POSTROUTING = "KUBE-POSTROUTING"
OUTSIDE: dict[int, Address] = {4: ip_address("192.0.2.1"), 6: ip_address("2001:db8::1")}
"""Addresses of documentation: never a pod's, never a node's."""
TOLERANCE = 0.01
"""Of a share: iptables keeps probabilities in 31 bits, kube-proxy writes ten digits."""
SHOWN = 6
"""Rules or endpoints that a finding names."""
RESTART = "see what kube-proxy's log says on this node; restart it: it writes its rules anew when it starts"


class Compared(NamedTuple):
    """One door on one node."""

    findings: tuple[Suspicion, ...]
    masquerades_outside: bool = False
    """Connections from outside of the cluster to the cluster address get a masquerade mark."""
    unread: str = ""
    """The rule for which the door could not be compared."""


class _Case(NamedTuple):
    """One door with what was wanted there and what was found."""

    place: Place
    wanted: Wanted
    leaves: Sequence[Leaf]

    @property
    def shares(self) -> dict[Target, float]:
        shares: dict[Target, float] = {}
        for leaf in self.leaves:
            if leaf.target is not None:
                shares[leaf.target] = shares.get(leaf.target, 0.0) + leaf.share
        return shares

    def finding(
        self, code: str, level: Level, what: str, evidence: Sequence[str], *, remedy: str = RESTART
    ) -> Suspicion:
        wanted = self.wanted
        listed = _listed(wanted.targets) or "none to be used"
        return Suspicion(
            code=code,
            level=level,
            where=Where(place=self.place),
            message=f"service {wanted.service.key} at {wanted.door}: {what}",
            evidence=(*dict.fromkeys(evidence), f"endpoints: {listed}"),
            remedy=remedy,
        )

    def rules(self, *targets: Target) -> list[str]:
        """Rules on the way to the targets; without any: on all ways."""
        ways = (leaf.rules for leaf in self.leaves if not targets or leaf.target in targets)
        return list(dict.fromkeys(rule for way in ways for rule in way))[:SHOWN]


def compare_door(rules: ProxyRules, wanted: Wanted, place: Place) -> Compared:
    outside = OUTSIDE[wanted.door.address.version]
    leaves = [leaf for leaf in rules.follow(wanted.door, outside) if leaf.share > 0]
    unread = next((leaf.rules[-1] for leaf in leaves if leaf.unread), "")
    if unread:
        return Compared((), unread=unread)
    case = _Case(place, wanted, leaves)
    used = [leaf for leaf in leaves if leaf.target is not None]
    return Compared(
        tuple(_unused(rules, case) if not wanted.targets else _backends(case)),
        masquerades_outside=bool(used) and all(leaf.masquerades(outside) for leaf in used),
    )


def compare_masquerade(rules: ProxyRules, place: Place) -> Iterator[Suspicion]:
    """What all services of the node share: the mark, and the translation of what has it."""
    nat = rules.nat
    lacks = [
        (f"{MARK_MASQ} does not set the mark", MARK_MASQ, "MARK"),
        (f"POSTROUTING does not lead to {POSTROUTING}", "POSTROUTING", POSTROUTING),
        (f"{POSTROUTING} does not masquerade what is marked", POSTROUTING, "MASQUERADE"),
    ]
    for problem, chain, target in lacks:
        if not nat.leads(chain, target):
            yield Suspicion(
                code="service.missing-masquerade",
                level=Level.CRITICAL,
                where=Where(place=place, table="nat", chain=chain),
                message=f"{problem}: answers to masqueraded connections of services go astray",
                evidence=tuple(nat.lines(chain)[:SHOWN]) or (f"{chain}: no rule",),
                remedy=RESTART,
            )


def not_masqueraded(rules: ProxyRules, wanted: Wanted, place: Place) -> Suspicion:
    """Of a cluster address whose node masquerades those from outside for most others."""
    leaves = rules.follow(wanted.door, OUTSIDE[wanted.door.address.version])
    return _unmasked(_Case(place, wanted, leaves), "connections from outside of the cluster are", ())


def _unused(rules: ProxyRules, case: _Case) -> Iterator[Suspicion]:
    """No endpoint is to be used here."""
    wanted, shares = case.wanted, case.shares
    if shares:
        yield _stale(case, shares)
    elif not wanted.usable and not rules.refuses(wanted.door):
        yield case.finding(
            "service.not-refused",
            Level.WARNING,
            "it has no endpoint, but no rule refuses connections to it: they time out",
            case.rules() or [f"table filter, FORWARD to {SERVICES}: no rule for it"],
        )


def _backends(case: _Case) -> Iterator[Suspicion]:
    wanted, shares = case.wanted, case.shares
    if not shares:
        yield case.finding(
            "service.untranslated",
            Level.CRITICAL,
            "no rule translates it to an endpoint",
            case.rules() or [f"table nat, {SERVICES}: no rule for it"],
        )
        return
    allowed = wanted.usable if wanted.hinted else wanted.targets
    stray = {target: share for target, share in shares.items() if target not in allowed}
    lacking = () if wanted.hinted else sorted(wanted.targets - shares.keys())
    if stray:
        yield _stale(case, stray, lacking)
    elif lacking:
        yield case.finding(
            "service.missing-backend",
            Level.WARNING,
            f"no connection is sent to {_listed(lacking)}",
            case.rules(),
        )
    else:
        yield from _shares(case, shares)
    yield from _masquerade(case)


def _stale(case: _Case, stray: dict[Target, float], lacking: Sequence[Target] = ()) -> Suspicion:
    known = case.wanted.known
    gone = [target for target in stray if target not in known]
    named = gone or list(stray)
    share = sum(stray[target] for target in named)
    why = "no endpoint of it" if gone else "not ready, or not for this node"
    instead = f"; none to {_listed(lacking)}" if lacking else ""
    return case.finding(
        "service.stale-endpoint",
        Level.CRITICAL,
        f"{share:.0%} of connections are sent to {_listed(named)}, {why}{instead}",
        case.rules(*named),
    )


def _shares(case: _Case, shares: dict[Target, float]) -> Iterator[Suspicion]:
    even = 1 / len(shares)
    uneven = {target: share for target, share in shares.items() if abs(share - even) > TOLERANCE * even}
    lost = 1 - sum(shares.values())
    if lost > TOLERANCE * even:
        what = f"{lost:.0%} of connections are not translated"
    elif uneven:
        most = max(uneven, key=lambda target: abs(uneven[target] - even))
        what = f"{most} gets {uneven[most]:.1%} of connections, not {even:.1%}"
    else:
        return
    yield case.finding("service.wrong-share", Level.WARNING, what, case.rules())


def _masquerade(case: _Case) -> Iterator[Suspicion]:
    wanted = case.wanted
    outside = OUTSIDE[wanted.door.address.version]
    used = [leaf for leaf in case.leaves if leaf.target in wanted.targets]
    own = [leaf.target for leaf in used if leaf.target and not leaf.masquerades(leaf.target.address)]
    if own:
        yield _unmasked(case, f"connections of {_listed(own)} that meet themselves are", own)
    elif wanted.masqueraded and not all(leaf.masquerades(outside) for leaf in used):
        yield _unmasked(case, "connections from outside of the cluster are", ())


def _unmasked(case: _Case, who: str, targets: Sequence[Target]) -> Suspicion:
    return case.finding(
        "service.missing-masquerade",
        Level.CRITICAL,
        f"{who} not masqueraded, so the answer does not come back by this node",
        case.rules(*targets),
    )


def _listed(targets: Sequence[Target] | frozenset[Target]) -> str:
    named = ", ".join(str(target) for target in sorted(targets)[:SHOWN])
    return f"{named} and {len(targets) - SHOWN} more" if len(targets) > SHOWN else named
