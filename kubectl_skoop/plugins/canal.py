"""canal: Calico connects the pods and enforces policies, flannel connects the nodes."""

from collections.abc import Hashable, Iterable, Iterator
from typing import ClassVar, NamedTuple

from kubectl_skoop.api import (
    Context,
    Detected,
    Expectation,
    NetNodeAction,
    NodeInfo,
    Passing,
    Place,
    Plugin,
    PodInfo,
    Setting,
    Suspicion,
    Wishes,
    companion,
    detection,
)


class Canal(Plugin):
    """Made of the plugins flannel and calico, whose options hold; both see by themselves that it is canal."""

    name: ClassVar[str] = "canal"
    companions: ClassVar[tuple[str, ...]] = ("flannel", "calico")
    enforces: ClassVar[frozenset[str]] = frozenset(
        {
            "NetworkPolicy",
            "networkpolicies.projectcalico.org",
            "globalnetworkpolicies.projectcalico.org",
            "hostendpoints.projectcalico.org",
            "AdminNetworkPolicy",
            "BaselineAdminNetworkPolicy",
            "ClusterNetworkPolicy",
        }
    )

    def __init__(self, ctx: Context) -> None:
        self.between_nodes = companion(ctx, "flannel")
        self.to_pods = companion(ctx, "calico")

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return detection.by_daemon_set(ctx, cls.name, ".*canal")

    def settings(self) -> Iterable[Setting]:
        yield from self.between_nodes.settings()
        yield from self.to_pods.settings()

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        return self.to_pods.create_pod(pod)

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        return Both(self.between_nodes.create_node(node), self.to_pods.create_node(node))


class Both(NamedTuple):
    """A node that two plugins have wishes for."""

    first: NetNodeAction
    second: NetNodeAction

    @property
    def place(self) -> Place:
        return self.first.place

    def always(self) -> Wishes:
        return distinct([*self.first.always(), *self.second.always()])

    def wishes(self, passing: Passing) -> Wishes:
        return distinct([*self.first.wishes(passing), *self.second.wishes(passing)])


def distinct(wishes: list[Expectation | Suspicion]) -> Iterator[Expectation | Suspicion]:
    """What both want of one entry is said once, in the words of the first."""
    seen: set[Hashable] = set()
    for wish in wishes:
        entry = (wish.table, wish.key, wish.device) if isinstance(wish, Expectation) else wish
        if entry not in seen:
            seen.add(entry)
            yield wish
