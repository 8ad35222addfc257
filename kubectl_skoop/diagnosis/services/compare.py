"""What a node's rules do with connections to a service, held against what was meant."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from kubectl_skoop.diagnosis.services.door import Target
from kubectl_skoop.diagnosis.services.meaning import NONE, Choices, Wanted, sample
from kubectl_skoop.diagnosis.services.rules import SHOWN, ServiceRules, restart
from kubectl_skoop.diagnosis.services.sources import bounds
from kubectl_skoop.diagnosis.services.walk import Leaf
from kubectl_skoop.model.listed import listed
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion

OUTSIDE: dict[int, Address] = {4: ip_address("192.0.2.1"), 6: ip_address("2001:db8::1")}
"""Addresses of documentation: never a pod's, never a node's."""
TOLERANCE = 0.01
"""Of a share: iptables keeps probabilities in 31 bits, kube-proxy writes ten digits."""
MAX_SAMPLES = 64
"""Senders that are tried for the ranges of one load balancer."""


class Compared(NamedTuple):
    """One door on one node."""

    findings: tuple[Suspicion, ...]
    masquerades_outside: bool | None = None
    """Connections from outside of the cluster get a masquerade mark; None: they are not translated."""
    unread: str = ""
    """Why the door could not be compared: mostly a rule."""


class _Case(NamedTuple):
    """One door with what was wanted there and what was found."""

    rules: ServiceRules
    place: Place
    wanted: Wanted
    leaves: Sequence[Leaf]
    client: Address
    """The sender of the connection: outside of the cluster."""

    @property
    def shares(self) -> dict[Target, float]:
        shares: dict[Target, float] = {}
        for leaf in self.leaves:
            if leaf.target is not None:
                shares[leaf.target] = shares.get(leaf.target, 0.0) + leaf.share
        return shares

    @property
    def choices(self) -> Choices:
        return self.rules.habits.choices(self.wanted)

    def finding(self, code: str, level: Level, what: str, evidence: Sequence[str]) -> Suspicion:
        wanted = self.wanted
        listed = _listed(self.choices[0]) or "none to be used"
        return Suspicion(
            code=code,
            level=level,
            where=Where(place=self.place),
            message=f"service {wanted.service.key} at {wanted.door}: {what}",
            evidence=(*dict.fromkeys(evidence), f"endpoints: {listed}"),
            remedy=restart(self.rules.proxy),
        )

    def found(self, *targets: Target) -> list[str]:
        """Rules on the way to the targets; without any: on all ways."""
        steps = {
            id(step): step
            for leaf in self.leaves
            if not targets or leaf.target in targets
            for step in leaf.steps
        }
        return [step.text for step in steps.values()][:SHOWN] or [f"{self.rules.dispatch}: no rule for it"]


def compare_door(rules: ServiceRules, wanted: Wanted, place: Place, pods: Sequence[str] = ()) -> Compared:
    """`pods`: the networks of all pods."""
    client = OUTSIDE[wanted.door.address.version]
    if wanted.ranges:
        allowed = sample(wanted.ranges, client.version, pods, client)
        if allowed is None:
            listed = ", ".join(wanted.ranges)
            return Compared((), unread=f"no sender to try in its source ranges but pods: {listed}")
        client = allowed
    leaves = [leaf for leaf in rules.follow(wanted.door, client) if leaf.share > 0]
    unread = next((leaf.steps[-1].text for leaf in leaves if leaf.unread), "")
    if unread:
        return Compared((), unread=unread)
    case = _Case(rules, place, wanted, leaves, client)
    used = [leaf for leaf in leaves if leaf.target and rules.habits.masquerades(wanted, leaf.target)]
    return Compared(
        tuple(_findings(case)),
        masquerades_outside=all(leaf.masquerades(client) for leaf in used) if used else None,
    )


def not_masqueraded(rules: ServiceRules, wanted: Wanted, place: Place) -> Suspicion:
    """Of a cluster address whose node masquerades those from outside for most others."""
    client = OUTSIDE[wanted.door.address.version]
    case = _Case(rules, place, wanted, rules.follow(wanted.door, client), client)
    return _unmasked(case, "connections from outside of the cluster are", ())


def _findings(case: _Case) -> Iterator[Suspicion]:
    if case.choices[0]:
        yield from _backends(case)
        if case.wanted.ranges:
            yield from _ranges(case)
    else:
        yield from _unused(case)


def _unused(case: _Case) -> Iterator[Suspicion]:
    """No endpoint is to be used here."""
    wanted, shares = case.wanted, case.shares
    if shares:
        yield _stale(case, shares)
        return
    if case.rules.habits.must_refuse(wanted) and not case.rules.refuses(wanted.door, case.client):
        which = "no endpoint on this node" if wanted.usable else "no endpoint"
        yield case.finding(
            "service.not-refused",
            Level.WARNING,
            f"it has {which}, but no rule refuses connections to it: they time out",
            case.found(),
        )


def _backends(case: _Case) -> Iterator[Suspicion]:
    shares, choices = case.shares, case.choices
    if not shares:
        if NONE not in choices:
            yield case.finding(
                "service.untranslated", Level.CRITICAL, "no rule translates it to an endpoint", case.found()
            )
        return
    if case.rules.bars(case.wanted.door, case.client):
        what = "a rule drops connections to it, although it has endpoints"
        yield case.finding("service.barred", Level.CRITICAL, what, case.found())
    found = frozenset(shares)
    if found in choices:
        yield from _shares(case, shares)
        yield from _affinity(case)
        yield from _scheduler(case)
    else:
        stray = {target: shares[target] for target in found - frozenset().union(*choices)}
        lacking = sorted(choices[0] - found)
        if stray:
            yield _stale(case, stray, lacking)
        elif lacking:
            yield case.finding(
                "service.missing-backend",
                Level.WARNING,
                f"no connection is sent to {_listed(lacking)}",
                case.found(),
            )
        else:
            yield _stale(case, {target: shares[target] for target in found - choices[0]})
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
        case.found(*named),
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
    yield case.finding("service.wrong-share", Level.WARNING, what, case.found())


def _affinity(case: _Case) -> Iterator[Suspicion]:
    seconds = case.wanted.service.affinity_seconds
    wrong = [leaf for leaf in case.leaves if leaf.target is not None and leaf.affinity != seconds]
    if wrong:
        found = wrong[0].affinity
        back = f"for {found} s" if found else "not"
        meant = f"{seconds} s" if seconds else "chance each time"
        yield case.finding(
            "service.wrong-affinity",
            Level.WARNING,
            f"a client comes back to the same endpoint {back}, meant is {meant}",
            case.found(*(leaf.target for leaf in wrong if leaf.target)),
        )


def _scheduler(case: _Case) -> Iterator[Suspicion]:
    meant = case.rules.habits.scheduler(case.wanted)
    found = case.rules.scheduler(case.wanted.door)
    if meant and found != meant:
        what = f"its virtual server has the scheduler {found}, meant is {meant}"
        yield case.finding("service.wrong-scheduler", Level.WARNING, what, case.found())


def _masquerade(case: _Case) -> Iterator[Suspicion]:
    """Only endpoints on the node can meet themselves by its rules."""
    wanted, habits = case.wanted, case.rules.habits
    used = [leaf for leaf in case.leaves if leaf.target in wanted.known]
    own = [
        leaf.target
        for leaf in used
        if leaf.target in wanted.own and not leaf.masquerades(leaf.target.address)
    ]
    if own and habits.hairpins(wanted):
        yield _unmasked(case, f"connections of {_listed(own)} that meet themselves are", own)
    elif wanted.masqueraded and not all(
        leaf.masquerades(case.client) or not (leaf.target and habits.masquerades(wanted, leaf.target))
        for leaf in used
    ):
        yield _unmasked(case, "connections from outside of the cluster are", ())


def _unmasked(case: _Case, who: str, targets: Sequence[Target]) -> Suspicion:
    return case.finding(
        "service.missing-masquerade",
        Level.CRITICAL,
        f"{who} not masqueraded, so the answer does not come back by this node",
        case.found(*targets),
    )


def _ranges(case: _Case) -> Iterator[Suspicion]:
    """The first and last address of each range are let in, their neighbours outside of all ranges are not.

    The balancer's own addresses are, if the node is in a range: the node's connections have them as source.
    """
    wanted, rules = case.wanted, case.rules
    for address, inside in _senders(wanted.ranges, case.client):
        if address in wanted.service.load_balancer_addresses:
            continue
        leaves = rules.follow(wanted.door, address)
        lets_in = any(leaf.target for leaf in leaves) and not rules.bars(wanted.door, address)
        if lets_in != inside:
            verb = "do not get" if inside else "get"
            yield case.finding(
                "service.wrong-source-ranges",
                Level.CRITICAL if inside else Level.WARNING,
                f"connections from {address} {verb} in, the ranges are {', '.join(wanted.ranges)}",
                case.found(),
            )
            return


def _senders(ranges: Sequence[str], like: Address) -> Iterator[tuple[Address, bool]]:
    nets = [bounds(one) for one in ranges if (":" in one) == (like.version == 6)]
    numbers = {int(OUTSIDE[like.version])}
    for low, high in nets[: MAX_SAMPLES // 4]:
        numbers |= {low - 1, low, high, high + 1}
    bits = like.max_prefixlen
    for number in sorted(numbers):
        if 0 < number < (1 << bits) - 1:
            inside = any(low <= number <= high for low, high in nets)
            yield ip_address(number.to_bytes(bits // 8, "big")), inside


def _listed(targets: Sequence[Target] | frozenset[Target]) -> str:
    return listed(sorted(targets), SHOWN)
