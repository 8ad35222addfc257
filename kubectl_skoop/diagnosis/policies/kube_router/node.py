"""One node's chains and sets of kube-router, held against what the policies mean."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kubectl_skoop.cluster.policy.kube_router import FAMILIES
from kubectl_skoop.cluster.policy.rule import Direction
from kubectl_skoop.diagnosis.policies.kube_router.meaning import KIND, Meaning, Wanted
from kubectl_skoop.diagnosis.policies.kube_router.spec import NOMATCH, member
from kubectl_skoop.diagnosis.policies.kube_router.written import FORWARD, Chains, written
from kubectl_skoop.diagnosis.policies.told import first_of_each_code
from kubectl_skoop.model.listed import listed
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace

NAME = "kube-router"
_NamedKey = tuple[Direction, str, str]


def compare(ns: NetworkNamespace, wanted: Sequence[Meaning]) -> Iterator[Suspicion]:
    """One node, all of whose rules and sets were read. Of many findings of a code the first are told."""
    return first_of_each_code((one for each in wanted for one in _compare(ns, each)), ns.place.name)


def _compare(ns: NetworkNamespace, wanted: Meaning) -> Iterator[Suspicion]:
    place = ns.place
    own = wanted.on_node.get(place.name, [])
    policies = {one.key: one for key in own for one in wanted.selecting.get(key, ())}
    chains = written(ns, wanted.family)
    if chains is None:
        if policies:
            selected = [key for key in own if key in wanted.selecting]
            yield _finding(
                "policy.not-enforced",
                Where(place=place, table="filter", chain="FORWARD"),
                f"no rule leads to {NAME}'s chains for {FAMILIES[wanted.family]}: policies have no effect on "
                f"{_listed(selected)}",
                f"table filter, FORWARD: no rule with -j {FORWARD}",
                level=Level.CRITICAL,
            )
        return
    differing = _Differing()
    yield from _pods(chains, place, own, wanted, differing)
    yield from _chains(place, differing)
    for key, policy in sorted(policies.items()):
        if key not in differing.lacking:
            yield from _sets(ns, policy, wanted)
            yield from _blocks(ns, policy)
            if key in differing.chains and key not in differing.empty:
                yield from _ports(chains, differing.chains[key], policy, place)
                yield from _named(ns, chains, differing.chains[key], policy, wanted)


@dataclass(slots=True)
class _Differing:
    """What the chains of a node's pods have else than they should: keys of policies → keys of pods."""

    lacking: dict[str, set[str]] = field(default_factory=dict)
    stale: dict[str, set[str]] = field(default_factory=dict)
    chains: dict[str, str] = field(default_factory=dict)
    """Keys of policies → their chains."""
    empty: dict[str, str] = field(default_factory=dict)
    """The same, of those without rules."""


def _pods(
    chains: Chains,
    place: Place,
    own: Iterable[str],
    wanted: Meaning,
    differing: _Differing,
) -> Iterator[Suspicion]:
    """That each pod has a chain; what is in it comes into `differing`."""
    for key in own:
        address = wanted.addresses[key]
        meant = {policy.name: policy for policy in wanted.selecting.get(key, ())}
        chain = chains.of_pod(address)
        if chain is None:
            if meant:
                yield _finding(
                    "policy.not-enforced",
                    Where(place=Place("pod", key)),
                    f"{place.name} has no chain of {NAME} for {key}: its policies have no effect",
                    f"table filter, {FORWARD}: not for both -s and -d {address}",
                )
            continue
        found = chains.policies_of(chain)
        if meant and not chains.rejects(chain):
            yield _finding(
                "policy.not-enforced",
                Where(place=Place("pod", key)),
                f"the chain of {NAME} for {key} on {place.name} rejects nothing: its policies have no effect",
                *(chains.rules.lines(chain)[-1:] or (f"{chain}: no rule",)),
            )
            continue
        if key in wanted.doubted:
            continue
        for name in meant.keys() - found.keys():
            differing.lacking.setdefault(meant[name].key, set()).add(key)
        for name in found.keys() - meant.keys():
            differing.stale.setdefault(f"{KIND} {key.partition('/')[0]}/{name}", set()).add(key)
        for name in meant.keys() & found.keys():
            differing.chains[meant[name].key] = found[name]
            if found[name] not in chains.rules and _lets_through(meant[name], wanted):
                differing.empty[meant[name].key] = found[name]


def _lets_through(policy: Wanted, wanted: Meaning) -> bool:
    """Somebody may do something."""
    peers = {"", *(each.name for each in policy.blocks)}
    peers |= {each.name for each in policy.peers if wanted.members(each.classes)}
    return any(one.peers in peers for one in policy.opened) or any(
        one.peers in peers and wanted.members(one.classes) for one in policy.named
    )


def _chains(place: Place, differing: _Differing) -> Iterator[Suspicion]:
    for key, pods in sorted(differing.lacking.items()):
        yield _finding(
            "policy.not-enforced",
            Where(place=place),
            f"{NAME}'s rules on {place.name} lack {key} for {_listed(pods)}",
            "the chains of these pods do not run through it",
        )
    for key, pods in sorted(differing.stale.items()):
        yield _finding(
            "policy.not-meant",
            Where(place=place),
            f"{NAME}'s rules on {place.name} still have {key} for {_listed(pods)}, which it does not select",
            "the chains of these pods run through it",
        )
    for key, chain in sorted(differing.empty.items()):
        yield _finding(
            "policy.not-meant",
            Where(place=place, table="filter", chain=chain),
            f"the chain of {key} on {place.name} is empty: what the policy allows is refused",
            f"{chain}: no rule",
        )


def _sets(ns: NetworkNamespace, policy: Wanted, wanted: Meaning) -> Iterator[Suspicion]:
    """One more in the set of the pods that the policy selects does no harm: their chains decide. Nor does an
    address that nobody has; a pod may be younger than the objects."""
    for each in (*policy.targets.values(), *policy.peers):
        found = _entries(ns, each.name)
        addresses = frozenset(entry.split()[0] for entry in found or ())
        meant = wanted.members(each.classes)
        shown = f"ipset {each.name}: {_listed(addresses) if found is not None else 'there is none'}"
        what = _set_of(each.where, policy, ns)
        if lacking := meant - addresses:
            yield _refused(ns, f"{what} lacks {_listed(lacking)}", shown)
        if each in policy.peers and (more := (addresses & wanted.known) - meant):
            yield _passed(ns, f"{what} has {_listed(more)}: they are let through", shown)


def _blocks(ns: NetworkNamespace, policy: Wanted) -> Iterator[Suspicion]:
    """Of the networks of the rules' ipBlocks, with their exceptions."""
    for each in policy.blocks:
        entries = _entries(ns, each.name)
        found = frozenset(member(entry) for entry in entries or ())
        shown = f"ipset {each.name}: {_listed(found) if entries is not None else 'there is none'}"
        what = _set_of(each.where, policy, ns)
        lacking, more = each.members - found, found - each.members
        closed = [one for one in more if one.endswith(NOMATCH)]
        opened = [one for one in lacking if one.endswith(NOMATCH)]
        if absent := lacking.difference(opened):
            yield _refused(ns, f"{what} lacks {_listed(absent)}", shown)
        if closed:
            yield _refused(ns, f"{what} excepts {_listed(_plain(closed))}", shown)
        if opened and not absent:
            yield _passed(ns, f"{what} does not except {_listed(_plain(opened))}: it is let through", shown)
        if beside := more.difference(closed):
            yield _passed(ns, f"{what} has {_listed(beside)}: it is let through", shown)


def _ports(chains: Chains, chain: str, policy: Wanted, place: Place) -> Iterator[Suspicion]:
    """Each of the peers' sets with the ports that are open to it."""
    found = chains.opened(chain, policy)
    where = Where(place=place, table="filter", chain=chain)
    meant = {(one.direction, one.peers): one for one in policy.opened}
    for key, one in meant.items():
        if key in policy.unread:
            continue
        there = found.get(key, set())
        shown = (
            f"{chain}: {_listed(map(_port, there)) if there else 'no rule'} for {one.peers or 'everybody'}"
        )
        if lacking := one.ports - there:
            yield _finding(
                "policy.not-meant",
                where,
                f"the chain of {policy.key} on {place.name} lacks {_listed(map(_port, lacking))} for "
                f"{one.where}: what the policy allows is refused",
                shown,
            )
        if more := there - one.ports:
            yield _finding(
                "policy.not-enforced",
                where,
                f"the chain of {policy.key} on {place.name} has {_listed(map(_port, more))} for {one.where}: "
                "it is let through",
                shown,
            )
    for key in found.keys() - meant.keys() - policy.unread:
        yield _finding(
            "policy.not-enforced",
            where,
            f"the chain of {policy.key} on {place.name} lets {_listed(map(_port, found[key]))} through, "
            f"{key[0]}, for {key[1] or 'everybody'}: no rule of the policy does",
            f"{chain}: {key[1] or 'without a set of peers'}",
        )


def _named(
    ns: NetworkNamespace, chains: Chains, chain: str, policy: Wanted, wanted: Meaning
) -> Iterator[Suspicion]:
    """The pods that can be asked at the numbers that names of ports stand for."""
    found: dict[_NamedKey, set[str]] = {}
    for key, names in chains.named(chain, policy).items():
        if not any((key[0], name) in policy.unread for name in names):
            entries = (entry for name in names for entry in _entries(ns, name) or ())
            found[key] = {entry.split()[0] for entry in entries}
    meant: dict[_NamedKey, set[str]] = {}
    where: dict[_NamedKey, str] = {}
    for one in policy.named:
        key = one.direction, one.peers, one.port
        meant.setdefault(key, set()).update(wanted.members(one.classes))
        where.setdefault(key, one.where)
    for key in dict.fromkeys((*meant, *found)):
        direction, peers, port = key
        there, should = found.get(key, set()), meant.get(key, set())
        shown = f"{chain}: {port} of {_listed(there) or 'nobody'}, {direction}, for {peers or 'everybody'}"
        what = f"{NAME}'s rules on {ns.place.name} for names of ports of {policy.key}"
        place = where.get(key, direction)
        if lacking := should - there:
            yield _refused(ns, f"{what} lack {port} of {_listed(lacking)}, {place}", shown)
        if more := (there & wanted.known) - should:
            yield _passed(ns, f"{what} have {port} of {_listed(more)}, {place}: it is let through", shown)


def _entries(ns: NetworkNamespace, name: str) -> Sequence[str] | None:
    """None: there is no such set. An empty one is nobody's."""
    found = ns.ipsets.get(name)
    return None if found is None else [entry for entry in found.entries if entry.strip()]


def _set_of(where: str, policy: Wanted, ns: NetworkNamespace) -> str:
    return f"{NAME}'s set for {where} of {policy.key} on {ns.place.name}"


def _refused(ns: NetworkNamespace, message: str, shown: str) -> Suspicion:
    message = f"{message}: what the policy allows is refused"
    return _finding("policy.not-meant", Where(place=ns.place), message, shown)


def _passed(ns: NetworkNamespace, message: str, shown: str) -> Suspicion:
    return _finding("policy.not-enforced", Where(place=ns.place), message, shown)


def _plain(members: Iterable[str]) -> Iterator[str]:
    return (one.removesuffix(NOMATCH) for one in members)


def _port(written: str) -> str:
    return written or "all ports"


def _finding(
    code: str, where: Where, message: str, *evidence: str, level: Level = Level.WARNING
) -> Suspicion:
    return Suspicion(
        code=code,
        level=level,
        where=where,
        message=message,
        evidence=evidence,
        remedy=f"see whether {NAME} runs there and follows changes (its log); restarted it writes all anew",
    )


def _listed(names: Iterable[str]) -> str:
    return listed(sorted(names))
