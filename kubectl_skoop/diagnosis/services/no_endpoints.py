"""Why a service has no endpoint that is ready, as far as its selector and the pods tell."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal, NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.pod import PodInfo
from kubectl_skoop.cluster.service import Backend, Service, ServicePort, usable
from kubectl_skoop.diagnosis.services.meaning import Meaning
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.suspicion import Level, Suspicion

SHOWN = 3
"""Pods that are named."""
COMPARED = 2000
"""Pods that are looked at for near labels."""
NEAR = 0.7
"""Of two values of a label, that one may be a slip for the other."""
MAX_EXPLAINED = 50
"""Ports of services of one check whose pods are looked at."""

_NUMBERS = re.compile(r"[0-9]+")

Kind = Literal["nobody", "misnamed", "not ready", "no port", "not listed", "by hand", "unknown"]


class Why(NamedTuple):
    kind: Kind
    """`nobody`: the selector fits no pod, nor nearly; `by hand`: there is no selector."""
    reason: str
    """A clause; empty: there is none."""
    evidence: tuple[str, ...]
    remedy: str


_NOT_LOOKED = Why(
    "unknown", "many services have none, so its pods were not looked at", (), "look at the others first"
)


def why(cluster: Cluster, service: Service, port: ServicePort, known: Sequence[Backend]) -> Why:
    """Of a port without an endpoint that can be used. `known`: all that the slices name for it."""
    if not service.selector:
        return _by_hand(service, known)
    selector = f"selector: {_listed(service.selector)}"
    if isinstance(cluster.source.objects("Pod", service.namespace), NotCollected):
        return Why("unknown", "no pod is among the objects", (selector,), "see whether its pods are ready")
    pods = [pod for pod in cluster.pods(service.namespace) if not pod.finished]
    chosen = [pod for pod in pods if fits(service.selector, pod)]
    if not chosen:
        return _nobody(cluster, service, pods, selector)
    waiting = [pod for pod in chosen if pod.ready is not True or pod.deleted]
    if len(waiting) == len(chosen):
        return Why(
            "not ready",
            f"its selector fits {_pods(len(chosen))}, of which none is ready",
            (selector, *(f"pod {pod.key}: {state_of(pod)}" for pod in chosen[:SHOWN])),
            "let the readiness probes pass: kubectl describe pod tells the last answer",
        )
    if isinstance(port.target, str) and not any(_declares(pod, port) for pod in chosen):
        return _no_port(chosen, port, selector)
    ready = next(pod for pod in chosen if pod not in waiting)
    listed = ", ".join(f"{one.address}:{one.port} not ready" for one in known[:SHOWN]) or "no endpoint"
    return Why(
        "not listed",
        f"pod {ready.key} fits its selector and is ready, but no EndpointSlice says so for this port",
        (selector, f"EndpointSlices: {listed}"),
        "see whether kube-controller-manager runs, and what its endpointslice controller logs",
    )


def without_endpoints(cluster: Cluster, meaning: Meaning) -> Iterator[Suspicion]:
    """For each service with a selector whose port nobody serves; ports with the same reason are told once.

    That a selector fits no pod at all may be meant (scaled to 0), so it is only a remark.
    """
    if meaning.unlisted is not None:
        return
    explained = 0
    for service in meaning.all:
        if not service.selector or service.type == "ExternalName":
            continue
        told: set[str] = set()
        for port in service.ports:
            known = meaning.backends(service, port)
            if usable(known):
                continue
            explained += 1
            found = why(cluster, service, port, known) if explained <= MAX_EXPLAINED else _NOT_LOOKED
            if found.reason and found.reason not in told:
                told.add(found.reason)
                yield Suspicion(
                    code="service.no-endpoints",
                    level=Level.INFO if found.kind in ("nobody", "unknown") else Level.WARNING,
                    where=Where(),
                    message=f"service {service.key} has no ready endpoint for port {_named(port)}: "
                    f"{found.reason}",
                    evidence=found.evidence,
                    remedy=found.remedy,
                )


def fits(selector: Mapping[str, str], pod: PodInfo) -> bool:
    return all(pod.labels.get(key) == value for key, value in selector.items())


def state_of(pod: PodInfo) -> str:
    """Which container is not ready, with its probe."""
    if pod.deleted:
        return "is being deleted"
    if not pod.node:
        return "is not scheduled to a node"
    waiting = [one for one in pod.containers if one.ready is False]
    if not waiting:
        return f"phase {pod.phase or 'unknown'}, not ready"
    one = waiting[0]
    if one.waiting:
        return f"container {one.name} does not run: {one.waiting}, {one.restarts} restarts"
    probe = f"readiness probe {one.probe}" if one.probe else "no readiness probe"
    return f"container {one.name} is not ready ({probe})"


def _by_hand(service: Service, known: Sequence[Backend]) -> Why:
    if known:
        return Why("by hand", "", ("selector: none",), "see who writes the EndpointSlices of this service")
    return Why(
        "by hand",
        "it has no selector, and nobody wrote an EndpointSlice for this port",
        ("selector: none", "EndpointSlices: no endpoint"),
        "give it a selector, or an EndpointSlice with the port's name and protocol",
    )


def _nobody(cluster: Cluster, service: Service, pods: Sequence[PodInfo], selector: str) -> Why:
    namespace = f"its selector fits no pod of namespace {service.namespace}"
    near = sorted((_distance(service, pod), pod.key, pod) for pod in pods[:COMPARED])
    near = [one for one in near if one[0] < len(service.selector)]
    evidence = (selector, *(f"pod {pod.key}: {_listed(pod.labels)}" for _, _, pod in near[:SHOWN]))
    nearest = near[0][2] if near else None
    if nearest is not None and _is_slip(service, nearest):
        reason = f"{namespace}; nearest is {nearest.name} with {_differing(service, nearest)}"
        return Why("misnamed", reason, evidence, "correct the selector or the pods' labels")
    elsewhere = [
        pod.key
        for pod in cluster.pods()[:COMPARED]
        if pod.namespace != service.namespace and not pod.finished and fits(service.selector, pod)
    ]
    if elsewhere:
        return Why(
            "misnamed",
            f"{namespace}, but {', '.join(elsewhere[:SHOWN])} of another namespace: a service selects "
            "pods of its own only",
            evidence,
            "make the service in the pods' namespace",
        )
    shown = f"; nearest is {nearest.name} with {_differing(service, nearest)}" if nearest is not None else ""
    remedy = "compare the selector with the pods' labels; see whether the workload is scaled to 0"
    return Why("nobody", f"{namespace}{shown}", evidence, remedy)


def _no_port(chosen: Sequence[PodInfo], port: ServicePort, selector: str) -> Why:
    declared = {
        f"{one.name or '-'} ({one.port}/{one.protocol})"
        for pod in chosen
        for container in pod.containers
        for one in container.ports
    }
    listed = ", ".join(sorted(declared)) or "none"
    return Why(
        "no port",
        f"no container of its {_pods(len(chosen))} has a {port.protocol} port named {port.target}",
        (selector, f"targetPort: {port.target}", f"ports of the containers: {listed}"),
        "name the container's port so, or give targetPort its number",
    )


def _declares(pod: PodInfo, port: ServicePort) -> bool:
    """As FindPort does (k8s.io/kubernetes/pkg/api/v1/pod)."""
    return any(
        (one.name, one.protocol) == (port.target, port.protocol)
        for container in pod.containers
        for one in container.ports
    )


def _distance(service: Service, pod: PodInfo) -> float:
    """Of its labels from the selector: 0 is a fit; the size of the selector, where nothing is alike."""
    alike = [_alike(pod.labels.get(key, ""), value) for key, value in service.selector.items()]
    return sum(1 - one for one in alike if one >= NEAR) + sum(1 for one in alike if one < NEAR)


def _is_slip(service: Service, pod: PodInfo) -> bool:
    """The values that differ are nearly the same, or one label of several is missing."""
    own = [(pod.labels.get(key, ""), value) for key, value in service.selector.items()]
    missing = [value for label, value in own if not label]
    alike = all(_alike(label, value) >= NEAR for label, value in own if label)
    return alike and len(missing) <= 1 and len(missing) < len(own)


def _differing(service: Service, pod: PodInfo) -> str:
    own = {key: pod.labels.get(key, "") for key in service.selector}
    return ", ".join(
        f"{key}={own[key]}" if own[key] else f"no label {key}"
        for key, value in service.selector.items()
        if own[key] != value
    )


@lru_cache(maxsize=65536)
def _alike(one: str, other: str) -> float:
    """Names that differ in numbers only are of several things of a kind."""
    if one != other and _NUMBERS.sub("", one) == _NUMBERS.sub("", other):
        return 0.0
    matcher = SequenceMatcher(None, one, other)
    if matcher.real_quick_ratio() < NEAR or matcher.quick_ratio() < NEAR:
        return 0.0
    return matcher.ratio()


def _pods(number: int) -> str:
    return f"{number} pod" if number == 1 else f"{number} pods"


def _named(port: ServicePort) -> str:
    return f"{port.name} ({port.port}/{port.protocol})" if port.name else f"{port.port}/{port.protocol}"


def _listed(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "no labels"
