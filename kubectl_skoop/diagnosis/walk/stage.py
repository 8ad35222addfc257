"""Where a probe is walked: the namespaces of the snapshot, and what is around them."""

from typing import TYPE_CHECKING, NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.extension.registry import Setup
from kubectl_skoop.diagnosis.walk.asking import Lessons
from kubectl_skoop.diagnosis.walk.flow import Runner
from kubectl_skoop.diagnosis.walk.outside import Outside
from kubectl_skoop.diagnosis.walk.outsider import outsider
from kubectl_skoop.diagnosis.walk.shim import Underlay
from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.probe import Probe

if TYPE_CHECKING:
    from kubectl_skoop.diagnosis.walk.entrance import Entrance


class Stage(NamedTuple):
    """For one probe."""

    world: World
    runner: Runner


def stage(setup: Setup, underlay: Underlay, probe: Probe, lessons: Lessons | None = None) -> Stage:
    """`lessons`: of the state as it was collected, from earlier walks."""
    cluster, given = setup.ctx.cluster, setup.ctx.given_service_networks
    outside = probe.source.kind == "external"
    place = place_of_source(probe)

    def no_service(address: Address) -> str:
        from kubectl_skoop.diagnosis.services.network import nobody_has

        return nobody_has(cluster, address, given)

    def node_of(address: Address) -> str:
        name = cluster.node_of_address(address)
        return name if name and address in cluster.node(name).internal_addresses else ""

    def node_of_range(address: Address) -> str:
        if not setup.network.plugin.pods_in_underlay:
            return ""
        from kubectl_skoop.diagnosis.services.sources import Networks

        ranges = ((node.name, setup.ctx.pod_cidrs_of(node)) for node in cluster.nodes())
        return next((name for name, written in ranges if Networks(written).of(address) is not None), "")

    world = World(
        setup.ctx.source,
        cluster.node_of_address,
        cluster.pod_of_address,
        pods_in_underlay=setup.network.plugin.pods_in_underlay,
        outsider=outsider(probe.source.address) if outside else None,
        lessons={} if lessons is None else lessons,
    )
    runner = Runner(
        world,
        underlay,
        Outside(lambda address: cluster.endpoint(address).kind, no_service, node_of, node_of_range),
        lambda there: there.at(place),
        _entrance(cluster, underlay) if outside else None,
    )
    return Stage(world, runner)


def _entrance(cluster: Cluster, underlay: Underlay) -> "Entrance":
    from kubectl_skoop.diagnosis.walk.entrance import Entrance

    return Entrance(cluster, underlay.balance, underlay.routed_in)


def place_of_source(probe: Probe) -> Place:
    match probe.source.kind:
        case "pod" | "external":
            return Place(probe.source.kind, probe.source.name)
        case _:
            return Place("node", probe.source.name)
