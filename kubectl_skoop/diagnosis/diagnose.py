"""One flow from the question to the answer: resolve, walk every way, compare with what was wanted, decide."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.objects import NodeInfo
from kubectl_skoop.diagnosis import address_plan, backends, intent, moments, prefetch, verdict
from kubectl_skoop.diagnosis.cause import misdirected, passes, silence, trial
from kubectl_skoop.diagnosis.cause.each_way import Alike, Compared, alike
from kubectl_skoop.diagnosis.cause.wished import Comparison, compare
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.interface import NetNodeAction
from kubectl_skoop.diagnosis.extension.registry import Setup, set_up, unspoken
from kubectl_skoop.diagnosis.limits.found import on_the_way
from kubectl_skoop.diagnosis.limits.measured import Measurements
from kubectl_skoop.diagnosis.readiness import agents_not_ready, just_added, not_ready
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.resolve import resolve_request
from kubectl_skoop.diagnosis.result import Diagnosis, Ending, Fact
from kubectl_skoop.diagnosis.services import intent as service_intent
from kubectl_skoop.diagnosis.unread import missing
from kubectl_skoop.diagnosis.walk import paths
from kubectl_skoop.diagnosis.walk.asking import Lessons
from kubectl_skoop.diagnosis.walk.branch import Branch
from kubectl_skoop.diagnosis.walk.fan_out import Way, fan_out
from kubectl_skoop.diagnosis.walk.flow import FlowResult, Setting, outcome
from kubectl_skoop.diagnosis.walk.outer_door import Cloud
from kubectl_skoop.diagnosis.walk.shim import Underlay
from kubectl_skoop.diagnosis.walk.stage import place_of_source, stage
from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.errors import UnknownName
from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.path import PacketPath
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Level, Suspicion, worst_first
from kubectl_skoop.model.verdict import Effort
from kubectl_skoop.netstack.stack import Loss
from kubectl_skoop.snapshot.source import Snapshot

Ways = list[Way[FlowResult]]
MAX_BEHIND = 3
"""Obstacles that are looked for behind the first."""


def diagnose(source: Snapshot, request: Request, options: Options) -> Diagnosis:
    """One question. Raises: InputError (names, ports, options), UnknownName, PluginError."""
    return Desk(source, options).answer(request)


class Desk:
    """Where many questions about one snapshot are asked: what is made out of it for one serves the next."""

    def __init__(self, source: Snapshot, options: Options) -> None:
        """Raises: InputError (options), PluginError."""
        self.source = source
        self.cluster = Cluster(source)
        self._setup = set_up(Context(source=source, cluster=self.cluster, options=options))
        self._comparison = Comparison()
        self._lessons: Lessons = {}
        self._measurements = Measurements(source)

    def answer(self, request: Request) -> Diagnosis:
        """Raises: InputError (names, ports), UnknownName."""
        inquiry, facts = self._inquiry(request)
        found = inquiry.answer()
        lost = map(missing, (*self.source.file.damage, *self.source.missing_objects))
        return replace(
            found,
            facts=(*self._setup.facts, *facts),
            missing=tuple(dict.fromkeys((*found.missing, *lost))),
        )

    def fate(self, request: Request) -> verdict.Fate:
        """Without its reasons, so much sooner. Raises: InputError (names, ports), UnknownName."""
        return self._inquiry(request)[0].fate()

    def _inquiry(self, request: Request) -> tuple["_Inquiry", tuple[Fact, ...]]:
        setup, cluster = self._setup, self.cluster
        underlay = Underlay(setup.network.shim, setup.ctx.node)
        resolved = resolve_request(cluster, request, Cloud(underlay.addresses_of, underlay.has_balancer))
        self.source.prefetch(
            prefetch.nodes_of(cluster, resolved.probe), prefetch.addresses_of(cluster, resolved.probe)
        )
        inquiry = _Inquiry(
            setup=setup,
            cluster=cluster,
            underlay=underlay,
            probe=resolved.probe,
            comparison=self._comparison,
            lessons=self._lessons,
            measurements=self._measurements,
        )
        return inquiry, resolved.facts


class _Inquiry:
    """Everything about one probe."""

    def __init__(
        self,
        *,
        setup: Setup,
        cluster: Cluster,
        underlay: Underlay,
        probe: Probe,
        comparison: Comparison,
        lessons: Lessons,
        measurements: Measurements,
    ) -> None:
        """`comparison` and `lessons`: of the state as it was collected."""
        self.setup, self.cluster, self.underlay, self.probe = setup, cluster, underlay, probe
        self.comparison, self.measurements = comparison, measurements
        self.world, self.runner = stage(setup, underlay, probe, lessons)
        self.effort = Effort()

    def fate(self) -> verdict.Fate:
        return verdict.fate(self._walk(self.probe, self._setting))

    def answer(self) -> Diagnosis:
        ways = self._walk(self.probe, self._setting)
        shares = verdict.shares(ways)
        decided = verdict.verdict(shares)
        way = verdict.deciding(ways)
        compared = self._compare(ways, way, self.world, self._setting)
        groups = self._alike(ways, way, compared)
        why = self._whys(ways, groups)
        explaining = list(
            dict.fromkeys([*why.get(id(way), ()), *chain.from_iterable(why.values()), *compared.explaining])
        )
        behind: list[Suspicion] = []
        if verdict.way_outcome(way) == "lost" and not any(self._meant(way)):
            behind = list(self._behind(way, compared))
        cause = self._cause(way, why.get(id(way), ()))
        endings = tuple(self._ending(each, why.get(id(each), ())) for each in _by_share(ways))
        counted = backends.count(self.probe, ways)
        hole, cold = None, None
        many = len(ways) > passes.MANY
        size = passes.full_size(ways)
        if not many and not passes.works_throughout(self.probe, ways, size):
            hole = passes.large_packets(self._walk, self.probe, ways, size)
            cold = passes.cold_neighbours(self._walk, self.probe, ways)
        counted_there = on_the_way(self.measurements, [each.result.branch for each in ways])
        nodes = self._nodes_of(way.result.branch)
        others = [
            *explaining,
            *self._losses(ways),
            *behind,
            *_apart([one.compared for one in groups] or [compared], [*explaining, *behind]),
            *([hole.suspicion] if hole else []),
            *([cold] if cold else []),
            *passes.stale_connections(self._walk, self.probe, ways),
            *(finding for each in ways for finding in each.result.branch.findings),
            *intent.remarks(self.setup, self.probe, [*explaining, *self._losses(ways)], decided),
            *not_ready(nodes),
            *(agents_not_ready(self.setup, nodes) if decided != "reachable" else ()),
            *counted_there.findings,
            *address_plan.about(self.cluster, (self.probe.source, self.probe.destination)),
            *self.setup.remarks,
            *(unspoken(self.setup.facts) if decided != "reachable" else ()),
        ]
        others += just_added(self.setup.ctx, nodes, others if decided == "reachable" else None)
        suspicions = worst_first(dict.fromkeys([*([cause] if cause else []), *others]))
        seen = verdict.symptom(way)
        path, reply = _paths(way, suspicions)
        return Diagnosis(
            request=self.probe,
            verdict=decided,
            headline=verdict.headline(
                self.probe,
                decided,
                shares,
                seen,
                verdict.reasons(endings, cause),
                hole.above if hole else None,
                counted,
            ),
            arrives=shares.arrives,
            lost=shares.lost,
            unknown=shares.unknown,
            symptom=seen,
            cause=cause,
            branches=endings,
            backends=counted,
            suspicions=suspicions,
            facts=(),
            assumptions=_assumptions(ways, self.setup.ctx),
            path=path,
            reply=reply,
            missing=(
                *map(missing, self.world.missing.values()),
                *counted_there.unread,
                *((passes.untried(len(ways)),) if many and passes.all_served(ways) else ()),
            ),
        )

    @property
    def _setting(self) -> Setting:
        """With a source port of its own a flow may be one that conntrack knows already."""
        return Setting(use_existing=bool(self.probe.sport))

    def _walk(self, probe: Probe, setting: Setting, world: World | None = None) -> Ways:
        return fan_out(lambda choices: self.runner.run(probe, setting, choices, world), outcome, self.effort)

    def _compare(self, ways: Ways, way: Way[FlowResult], world: World, setting: Setting) -> Compared:
        """What the plugin wanted on the way."""
        wished = compare(
            world,
            self.setup.plugin.plugin.name,
            way.result.branch,
            self._action_of,
            self._places_in_question(way.result.branch),
            self._expected(),
            Comparison() if world.mended else self.comparison,
        )
        if verdict.way_outcome(way) == "served":
            return Compared([], [finding.suspicion for finding in wished.findings], wished.remarks, world)
        target = backends.target_of(self.probe, way.result.branch)

        def progress(other: Ways) -> trial.Progress:
            return trial.progress(backends.to_target(self.probe, other, target) or other)

        explained = trial.explaining(
            world,
            wished.findings,
            progress(ways),
            lambda mended: progress(self._walk(self.probe, setting, mended)),
        )
        return Compared(explained.explaining, explained.others, wished.remarks, explained.mended)

    def _alike(self, ways: Ways, way: Way[FlowResult], compared: Compared) -> list[Alike]:
        if verdict.way_outcome(way) != "lost":
            return []
        return alike(
            self.probe,
            ways,
            (way, compared),
            lambda other: self._compare(ways, other, self.world, self._setting),
            lambda mended: self._walk(self.probe, self._setting, mended),
        )

    def _whys(self, ways: Ways, explained: Sequence[Alike]) -> dict[int, list[Suspicion]]:
        """What explains a lost way, by the identity of the way: the plugin's wishes, then the objects."""
        wanted = {id(way): one.compared.explaining for one in explained for way in one.ways}
        lost = (way for way in ways if verdict.way_outcome(way) == "lost")
        return {id(way): [*wanted.get(id(way), ()), *self._meant(way)] for way in lost}

    def _meant(self, way: Way[FlowResult]) -> Iterator[Suspicion]:
        return service_intent.explaining(self.cluster, self.probe, way.result.branch)

    def _behind(self, way: Way[FlowResult], compared: Compared) -> Iterator[Suspicion]:
        """What would stop the packet next: each obstacle hides the next, so it is taken away in a copy."""
        world, setting = self.world, self._setting
        for _ in range(MAX_BEHIND):
            loss = way.result.loss
            if compared.explaining:
                world = compared.mended
            elif loss is not None and loss.because.code in intent.FILTERS:
                rule = (loss.because.where, loss.because.evidence[0])
                setting = setting._replace(forgiven=setting.forgiven | {rule})
            else:
                return
            target = backends.target_of(self.probe, way.result.branch)
            ways = backends.to_target(self.probe, self._walk(self.probe, setting, world), target)
            if not ways or verdict.way_outcome(way := verdict.deciding(ways)) != "lost":
                return
            compared = self._compare(ways, way, world, setting)
            cause = self._cause(way, [])
            for found in compared.explaining or ([cause] if cause else []):
                yield replace(found, level=Level.CRITICAL, message=f"behind that: {found.message}")

    def _cause(self, way: Way[FlowResult], explaining: Sequence[Suspicion]) -> Suspicion | None:
        kind = verdict.way_outcome(way)
        if kind == "served":
            return None
        if explaining and kind == "lost":
            return explaining[0]
        if kind == "unknown":
            return self._unknown(way)
        return self._told(way.result.loss, way.result.branch) if way.result.loss else None

    def _told(self, loss: Loss, branch: Branch) -> Suspicion:
        """The loss, at the place that is to blame for it, with the translations that led there."""
        because = loss.because
        if loss.unanswered is not None:
            because = silence.explain(self.world, self.cluster, because, loss.unanswered)
        match because.code:
            case "neighbour.other-host":
                because = misdirected.other_host(self.world, self.cluster, branch, loss)
            case "external.pod-address":
                because = misdirected.leaving(self.setup.ctx, because, loss)
            case "forwarding.ttl":
                because = misdirected.circling(branch, because, loss)
            case "forwarding.too-big":
                because = misdirected.untold(branch, because, loss)
        if not because.code.startswith("netfilter."):
            rules = [rule for rule in paths.translations(branch) if rule not in because.evidence]
            because = replace(because, evidence=(*because.evidence, *rules))
        return because

    def _unknown(self, way: Way[FlowResult]) -> Suspicion:
        result = way.result
        reason = way.unknown or (result.unknown.reason if result.unknown is not None else "")
        where = result.loss.because.where if result.loss else Where(place=place_of_source(self.probe))
        code = result.loss.because.code if result.loss and not way.unknown else "unknown"
        return Suspicion(code=code, level=Level.WARNING, where=where, message=reason)

    def _losses(self, ways: Ways) -> list[Suspicion]:
        """What stops each lost way, though something else may explain it."""
        return [
            self._told(way.result.loss, way.result.branch)
            for way in ways
            if way.result.loss is not None and verdict.way_outcome(way) == "lost"
        ]

    def _ending(self, way: Way[FlowResult], explaining: Sequence[Suspicion]) -> Ending:
        cause = self._cause(way, explaining)
        path, reply = _paths(way, [cause] if cause else [])
        kind = verdict.way_outcome(way)
        return Ending(
            share=way.share,
            fate="unknown" if kind == "unknown" else way.result.fate,
            symptom="" if kind == "unknown" else verdict.symptom(way),
            cause=cause,
            choices=way.choices,
            path=path,
            reply=reply,
            backend=backends.target_of(self.probe, way.result.branch),
        )

    def _places_in_question(self, branch: Branch) -> Iterator[Place]:
        """Where packets were going, though they may not have got there: pods with their nodes, nodes."""
        destinations = [self.probe.source, self.probe.destination]
        frames = [link.packet for link in branch.links] + [loss.frame for loss in branch.losses()]
        addresses = dict.fromkeys(frame.innermost.dst for frame in frames if isinstance(frame, Packet))
        destinations += [self.cluster.endpoint(address) for address in addresses]
        for endpoint in dict.fromkeys(destinations):
            if endpoint.kind == "node":
                yield Place("node", endpoint.name)
            elif endpoint.kind == "pod":
                node = self.cluster.pod(endpoint.name).node
                yield from [Place("node", node)] if node else []
                yield Place("pod", endpoint.name)

    def _nodes_of(self, branch: Branch) -> list[NodeInfo]:
        """That packets came to, or should have."""
        came = [link.hop.place for link in branch.links]
        places = dict.fromkeys([*came, *self._places_in_question(branch)])
        found = (self.setup.ctx.node(place.name) for place in places if place.kind == "node")
        return [node for node in found if node is not None]

    def _expected(self) -> list[Packet]:
        """The request and its answer, as the objects' addresses have them."""
        here, there = self.probe.source.address, self.probe.destination.address
        return [
            Packet(src=src, dst=dst, protocol=self.probe.protocol)
            for src, dst in ((here, there), (there, here))
        ]

    def _action_of(self, place: Place) -> NetNodeAction | None:
        plugin = self.setup.plugin
        try:
            if place.kind == "pod":
                pod = self.cluster.pod(place.name)
                return None if pod.host_network else plugin.create_pod(pod)
            return plugin.create_node(self.cluster.node(place.name)) if place.kind == "node" else None
        except UnknownName:
            return None


def _paths(way: Way[FlowResult], suspicions: Sequence[Suspicion]) -> tuple[PacketPath, PacketPath | None]:
    branch = way.result.branch
    return paths.request_path(branch, suspicions), paths.reply_path(branch, suspicions)


def _assumptions(ways: Ways, ctx: Context) -> tuple[str, ...]:
    """Each once."""
    branches = [way.result.branch for way in ways]
    told = [sentence for branch in branches for sentence in branch.assumptions]
    seen = (stack.ns for branch in branches for stack in branch.stacks.values())
    apart = moments.apart(seen, ctx.clock_ahead)
    return tuple(dict.fromkeys([*told, *([apart] if apart else [])]))


def _apart(compared: Sequence[Compared], told: Sequence[Suspicion]) -> Iterator[Suspicion]:
    """What differs from the plugin's wishes and explains nothing, and its remarks."""
    known = {*map(_what, told)}
    yield from (one for each in compared for one in each.deviations if _what(one) not in known)
    yield from (one for each in compared for one in each.remarks)


def _what(suspicion: Suspicion) -> tuple[object, ...]:
    """What it is about, however it is told."""
    return suspicion.code, suspicion.where, suspicion.evidence


def _by_share(ways: Ways) -> Ways:
    return sorted(ways, key=lambda way: way.share, reverse=True)
