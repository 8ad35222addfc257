"""Which of the wanted kinds an API server has, and where."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

from kubectl_skoop.cluster.raw import items, mapping, text, texts
from kubectl_skoop.collect.live.api import Api, Body
from kubectl_skoop.collect.live.errors import ClusterError


class Resource(NamedTuple):
    """A kind as the server has it."""

    kind: str
    """As a snapshot names it."""
    api_version: str
    server_kind: str
    path: str
    """Of the list over all namespaces."""


class Discovered(NamedTuple):
    """What of the wanted kinds is there."""

    resources: tuple[Resource, ...]
    absent: tuple[str, ...]
    """Kinds that the server does not know: the cluster has none of them."""
    unknown: Mapping[str, str]
    """Kinds of groups that gave no answer (an aggregated API that is down), with the reason."""


def discover(api: Api, wanted: Mapping[tuple[str, str], str], workers: Executor) -> Discovered:
    """Raises: ClusterError where the server does not tell its groups."""
    versions = served(api.get("/apis"), {group for group, _ in wanted})
    groups = list(versions)
    found = dict(
        zip(groups, workers.map(lambda group: _kinds(api, group, versions[group]), groups), strict=True)
    )
    resources: dict[str, Resource] = {}
    unknown: dict[str, str] = {}
    for (group, kind), name in wanted.items():
        kinds = found.get(group)
        if isinstance(kinds, str):
            unknown.setdefault(name, kinds)
        elif kinds is not None and kind in kinds:
            resources.setdefault(name, kinds[kind]._replace(kind=name))
    for name in resources:
        unknown.pop(name, None)
    absent = sorted({*wanted.values()} - resources.keys() - unknown.keys())
    return Discovered(tuple(resources[name] for name in sorted(resources)), tuple(absent), unknown)


def served(groups: Body, wanted: Iterable[str]) -> dict[str, Sequence[str]]:
    """Group → its versions that the server has, the preferred one first."""
    found: dict[str, Sequence[str]] = {"": ("v1",)}
    names = set(wanted)
    for group in items(groups, "groups"):
        if (name := text(group, "name")) in names:
            preferred = text(group, "preferredVersion", "version")
            others = [text(version, "version") for version in items(group, "versions")]
            found[name] = tuple(dict.fromkeys([preferred, *others]))
    return found


def _kinds(api: Api, group: str, versions: Sequence[str]) -> dict[str, Resource] | str:
    """By the server's kind; a text: why they are not known."""
    found: dict[str, Resource] = {}
    for version in versions:
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        try:
            listed = api.get(path)
        except ClusterError as error:
            return str(error)
        for resource in items(listed, "resources"):
            name, kind = text(resource, "name"), text(resource, "kind")
            if "/" not in name and "list" in texts(resource, "verbs"):
                api_version = f"{group}/{version}" if group else version
                found.setdefault(kind, Resource(kind, api_version, kind, f"{path}/{name}"))
    return found


def version_of(api: Api) -> str:
    """Of the API server, as `v1.36.3`. Raises: ClusterError."""
    return text(mapping(api.get("/version")), "gitVersion")
