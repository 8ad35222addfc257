"""Kernel against tool: the same lab collected, diagnosed from the file, and asked with real packets."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from kubectl_skoop.cluster.allow import prune
from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.diagnosis.diagnose import Desk
from kubectl_skoop.diagnosis.extension.wants import allowed
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis, Ending
from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.snapshot.assemble import assemble, write_node_dump
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.breaking import fill, placeholders
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.flows import Flow, standard_flows
from kubectl_skoop.testing.probes import ANSWER, QUIET, Outcome, run_flows

Outcomes = Mapping[Flow, Outcome]
Question = Flow
"""A flow without its copy number: what is asked once, and sent as often as there are copies."""
Aspect = Literal["table", "verdict", "symptom", "large packets", "server", "cause", "calm"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that the tool says otherwise than the kernel or the fault's row."""

    flow: str
    aspect: Aspect
    kernel: str
    tool: str

    def __str__(self) -> str:
        return f"{self.flow}: {self.aspect}: expected {self.kernel}, the tool says {self.tool}"


def take_snapshot(lab: ClusterLab, folder: Path, *, without: Collection[str] = ()) -> Path:
    """What a user would do: collect each node, but those that are out of reach, then assemble the dumps with
    the objects."""
    dumps = []
    for node in lab.topology.nodes:
        if node.name in without:
            continue
        pods = {pod.key: lab.namespace(pod.name).path for pod in lab.topology.pods_of(node)}
        dump = collect_node(node.name, lab.namespace(node.name).path, pods)
        path = folder / f"{node.name}.dump"
        write_node_dump(dump, path)
        dumps.append(path)
    by_kind: dict[str, list[Object]] = {}
    keep = allowed()
    for item in lab.objects():
        if (kept := prune(item, keep)) is not None:
            by_kind.setdefault(str(kept["kind"]), []).append(kept)
    snapshot = folder / "lab.skoop"
    cloud = lab.infra()
    assemble(dumps, by_kind, snapshot, time=time.time(), infra=(lambda _: cloud) if cloud else None)
    return snapshot


def request_of(flow: Flow) -> Request:
    return Request(
        source=flow.source,
        destination=flow.destination,
        port=str(flow.port) if flow.port else "",
        protocol=flow.protocol,
        size=flow.size,
        df=flow.df,
    )


def questions(outcomes: Outcomes) -> dict[Question, list[Outcome]]:
    """Copies of a flow are one question with several outcomes."""
    grouped: dict[Question, list[Outcome]] = {}
    for flow, outcome in outcomes.items():
        grouped.setdefault(flow.question, []).append(outcome)
    return grouped


def changed(outcomes: Outcomes, twin: Outcomes) -> set[Question]:
    """The questions that end otherwise than in the healthy lab."""
    return {
        flow.question
        for flow, outcome in outcomes.items()
        if (outcome.symptom, outcome.large) != (twin[flow].symptom, twin[flow].large)
    }


def check_table(fault: Fault, outcomes: Outcomes, twin: Outcomes) -> list[Difference]:
    """Does the fault break something in the kernel, as its row says?"""
    broken = changed(outcomes, twin)
    if fault.lot or bool(broken) != bool(fault.works):
        return []
    found = ", ".join(sorted(flow.id for flow in broken)) or "no flow"
    return [Difference("all flows", "table", "nothing breaks" if fault.works else "something breaks", found)]


def check_flow(
    flow: Question, outcomes: Sequence[Outcome], diagnosis: Diagnosis, *, lot: bool = False
) -> list[Difference]:
    """Verdict, symptom, server and source address against the kernel. `lot`: chance decides."""
    differences = []
    symptoms = {outcome.symptom for outcome in outcomes}
    kernel = "/".join(sorted(symptoms))
    if diagnosis.verdict not in possible_verdicts(symptoms, lot=lot or len(outcomes) > 1):
        differences.append(Difference(flow.id, "verdict", kernel, describe(diagnosis)))
        return differences
    told = {symptom for ending in diagnosis.branches for symptom in ending.symptom.split(" or ")}
    if not symptoms <= told:
        differences.append(Difference(flow.id, "symptom", kernel, "/".join(sorted(told))))
    servers = {place for ending in diagnosis.branches for place in served_at(ending)}
    for outcome in outcomes:
        if outcome.served_by and not servers & {
            (outcome.served_by, outcome.seen_source),
            (outcome.served_by, ""),
        }:
            kernel = f"{outcome.served_by}, asked by {outcome.seen_source}"
            tool = "; ".join(f"{place}, asked by {source}" for place, source in sorted(servers))
            differences.append(Difference(flow.id, "server", kernel, tool))
            break
    if flow.bulk and symptoms == {ANSWER} and diagnosis.verdict == "reachable":
        kernel_hole = next((outcome.large for outcome in outcomes if outcome.large != "passes"), "")
        tool_hole = "packets above" in diagnosis.headline
        if bool(kernel_hole) != tool_hole and not (tool_hole and not kernel_hole and only_single(diagnosis)):
            differences.append(
                Difference(flow.id, "large packets", kernel_hole or "pass", diagnosis.headline)
            )
    return differences


def served_at(ending: Ending) -> set[tuple[str, str]]:
    """Where a packet of the request was served (the lab's short name), and its source address; empty if it
    never left the place."""
    links = {link.id: link for link in ending.path.links}
    if not links:
        return {(node.place.name.rsplit("/", 1)[-1], "") for node in ending.path.nodes}
    found = set()
    for node in ending.path.nodes:
        for action in node.actions:
            packet = (
                links[action.input].packet if action.kind == "serve" and action.input is not None else None
            )
            if isinstance(packet, Packet):
                found.add((node.place.name.rsplit("/", 1)[-1], str(packet.innermost.src)))
    return found


def only_single(diagnosis: Diagnosis) -> bool:
    """The hole is one for single segments; bulk data passes, as devices carry it in larger buffers (K-35)."""
    return any(one.level == Level.WARNING and "single packets" in one.message for one in diagnosis.suspicions)


def possible_verdicts(symptoms: set[str], *, lot: bool) -> set[str]:
    """Where chance decides, all packets may have drawn the same lot."""
    if symptoms == {ANSWER}:
        certain = "reachable"
    elif ANSWER not in symptoms:
        certain = "unreachable"
    else:
        return {"partial"}
    return {certain, "partial"} if lot else {certain}


def check_cause(lab: ClusterLab, fault: Fault, flow: Question, diagnosis: Diagnosis) -> list[Difference]:
    """Is the setting that was changed the one that the tool names?"""
    values = placeholders(lab)
    texts = tuple(fill(text, values).lower() for text in fault.texts)
    if diagnosis.cause is not None:
        named = [diagnosis.cause]
    else:
        named = [one for one in diagnosis.suspicions if one.level >= Level.CRITICAL or "above" in one.message]
    if any(names(fault, texts, suspicion) for suspicion in named):
        return []
    wanted = [" or ".join(part) for part in (fault.codes, fault.places, texts) if part]
    found = "; ".join(show(suspicion) for suspicion in named) or "no cause"
    return [Difference(flow.id, "cause", ", ".join(wanted), found)]


def names(fault: Fault, texts: Sequence[str], suspicion: Suspicion) -> bool:
    told = " ".join((suspicion.message, *suspicion.evidence, str(suspicion.where))).lower()
    return (
        fault.names(suspicion.code)
        and (not fault.places or str(suspicion.where.place) in fault.places)
        and (not texts or any(text in told for text in texts))
    )


def check_calm(flow: Question, diagnosis: Diagnosis) -> list[Difference]:
    """A flow that works in a healthy lab raises no suspicion of level warning or above."""
    if diagnosis.verdict != "reachable":
        return []
    loud = [suspicion for suspicion in diagnosis.suspicions if suspicion.level >= Level.WARNING]
    return [Difference(flow.id, "calm", "nothing", show(suspicion)) for suspicion in loud]


def show(suspicion: Suspicion) -> str:
    evidence = " | ".join(suspicion.evidence)
    return f"{suspicion.code} at {suspicion.where}: {suspicion.message}" + (
        f" [{evidence}]" if evidence else ""
    )


def describe(diagnosis: Diagnosis) -> str:
    cause = f", because {show(diagnosis.cause)}" if diagnosis.cause else ""
    return f"{diagnosis.verdict} ({diagnosis.symptom}){cause}"


class Observed(NamedTuple):
    """What a lab was, and what its kernel did."""

    snapshot: Path
    outcomes: Outcomes


def check_lab(lab: ClusterLab, folder: Path, fault: Fault | None, twin: Outcomes | None) -> list[Difference]:
    """Collect, send, diagnose, compare. The dumps and the snapshot stay in the folder."""
    return judge(lab, observe(lab, folder, fault), fault, twin)


def observe(lab: ClusterLab, folder: Path, fault: Fault | None, *, quiet: float = QUIET) -> Observed:
    """Collect, send."""
    snapshot = take_snapshot(lab, folder)
    flows = standard_flows(lab.topology, lab.mode)
    return Observed(snapshot, run_flows(lab, fault.flows(flows) if fault else flows, quiet=quiet))


def judge(
    lab: ClusterLab, observed: Observed, fault: Fault | None, twin: Outcomes | None
) -> list[Difference]:
    """Diagnose, compare. `lab` need not stand any more.

    Without a fault the lab is healthy: no suspicion of level warning or above may be raised either.
    """
    snapshot, outcomes = observed
    differences = check_table(fault, outcomes, twin) if fault and twin else []
    broken = changed(outcomes, twin) if twin else set()
    for flow, found, diagnosis in diagnosed(snapshot, outcomes):
        wrong = check_flow(flow, found, diagnosis, lot=fault is not None and fault.lot)
        if fault is None:
            wrong += check_calm(flow, diagnosis)
        elif flow in broken and twin and twin[flow].symptom == ANSWER and not wrong:
            wrong += check_cause(lab, fault, flow, diagnosis)
        differences += wrong
    return differences


def diagnosed(snapshot: Path, outcomes: Outcomes) -> Iterator[tuple[Question, list[Outcome], Diagnosis]]:
    """Each question with what the kernel and what the tool says."""
    source = open_snapshot(snapshot)
    try:
        desk = Desk(source, Options())
        for flow, found in questions(outcomes).items():
            yield flow, found, desk.answer(request_of(flow))
    finally:
        source.close()
