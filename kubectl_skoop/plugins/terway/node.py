"""A node of Terway: which interface of it has which address, by ECS and by the rules of terwayd."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubectl_skoop.api import (
    Context,
    Device,
    Link,
    NetworkNamespace,
    NodeInfo,
    NotCollected,
    Packet,
    Place,
    PodInfo,
    SimplePluginNode,
    Wishes,
    detection,
    expect,
    raw,
)
from kubectl_skoop.plugins.eni import EniNode, Scheme, Told, attachment, eni_node, owners_of
from kubectl_skoop.plugins.terway.pod import INSIDE

FROM_POD, FIRST_TABLE = 2048, 1000
"""fromContainerPriority (plugin/datapath/consts_linux.go); GetRouteTableID (plugin/driver/utils)."""
MASQUERADE = "terway-masq"
CLOUD = "aliyun"
"""The provider that gathers which interface has which address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TerwayNode(SimplePluginNode):
    """Pods on veths, and those that are on the VPC by themselves."""

    ctx: Context
    eni: EniNode
    apart: Sequence[PodInfo]
    """The latter."""
    kind: str | None
    """Of their eth0; None: as each shows."""

    def always(self) -> Wishes:
        yield from self.eni.always()
        for pod in self.apart:
            yield from self._apart(pod)
        yield from self._masquerade()

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        return self.eni.to_pod(upstream, packet, pod)

    def _apart(self, pod: PodInfo) -> Wishes:
        inside = self.ctx.device(Place("pod", pod.key), "eth0")
        because = f"Terway adds it when {pod.key} starts"
        shown = None if inside is None else inside.kind
        wanted = shown if self.kind is None else self.kind
        if inside is not None and shown in ("ipvlan", "vlan"):
            yield from self._below(inside)
        if inside is not None and wanted == shown == "ipvlan":
            yield from self._on_ipvlan(pod, inside, because)
        elif wanted not in (None, "ipvlan", "vlan"):
            device = self.eni.device_of(pod)
            yield from attachment(self.ctx, pod, device, because, inside=INSIDE)
            yield from self._route(pod, device, because)

    def _below(self, inside: Device) -> Wishes:
        """The interface that pods' devices are on top of."""
        below = self.ctx.device_by_index(Place("node", self.eni.node.name), inside.link)
        if below is not None:
            yield expect.device(below.name, up=True, carrier=True, because="pods' devices are on top of it")

    def _on_ipvlan(self, pod: PodInfo, inside: Device, because: str) -> Wishes:
        """The node's own ipvlan on the same interface, with the node's address."""
        device = f"ipvl_{inside.link}"
        yield expect.device(device, kind="ipvlan", up=True, carrier=True, because=because)
        yield expect.forwarding(device, because)
        if self.eni.node.addresses:
            address = self.eni.node.addresses[0]
            yield expect.address(device, f"{address}/32", any_prefix=True, because=because)
        yield from self._route(pod, device, because)

    def _route(self, pod: PodInfo, device: str, because: str) -> Wishes:
        for address in pod.addresses:
            if address.version == 4:
                yield expect.route(f"{address}/32", dev=device, scope="link", because=because)

    def _masquerade(self) -> Wishes:
        """policy/uninstall_policy.sh: what pods send by their node does not come back to them by it else.

        Wanted where a node has it: only nodes of the mode ENI do.
        """
        because = "terway-cli writes it when it starts, as it did on other nodes"
        states = [self.ctx.namespace(Place("node", self.eni.node.name)), *detection.states(self.ctx)]
        for rule in (
            expect.iptables("nat", "POSTROUTING", f"! -o lo -j {MASQUERADE}", because=because),
            expect.iptables("nat", MASQUERADE, "-j MASQUERADE", because=because),
        ):
            if any(rule.find(ns) for ns in states if not isinstance(ns, NotCollected)):
                yield rule


def make_node(
    ctx: Context,
    node: NodeInfo,
    on_veth: Sequence[PodInfo],
    owners: Mapping[str, str],
    *,
    by_interface: bool,
    kind: str | None,
) -> TerwayNode:
    """`on_veth`: pods that are not on the VPC by themselves. `by_interface`: these have addresses of the
    node's interfaces (ENIIP), else of its podCIDR. `kind`: of eth0 of the others; None: as each shows."""
    scheme = Scheme(
        agent="Terway",
        prefix="cali",
        from_pod=FROM_POD if by_interface else 0,
        rp_filter=(0, 2),
        spares_uplink=True,
        own_table=own_table if by_interface else lambda ns, nic: 0,
    )
    apart = [pod for pod in ctx.pods_of(node.name) if pod not in on_veth]
    eni = eni_node(ctx, node, scheme, on_veth, owners)
    return TerwayNode(ctx=ctx, eni=eni, apart=apart, kind=kind)


def owners_in(ctx: Context) -> Mapping[str, str]:
    """MACs of interfaces by address, as the provider was given them; empty: nobody gave them."""
    section = ctx.source.infra(CLOUD)
    told = () if isinstance(section, NotCollected) else raw.items(section, "resources", "NetworkInterfaces")
    return owners_of(map(_told, told))


def own_table(ns: NetworkNamespace, nic: Device) -> int:
    """It has one if pods' rules or routes name it."""
    table = FIRST_TABLE + nic.index
    used = {rule.table for rule in ns.rules if rule.priority == FROM_POD} | {
        route.table for route in ns.routes
    }
    return table if table in used else 0


def _told(interface: object) -> Told:
    sets, prefixes = ("PrivateIpSets", "PrivateIpSet"), ("Ipv4PrefixSets", "Ipv4PrefixSet")
    return Told(
        mac=raw.text(interface, "MacAddress"),
        addresses=[raw.text(one, "PrivateIpAddress") for one in raw.items(interface, *sets)],
        prefixes=[raw.text(one, "Ipv4Prefix") for one in raw.items(interface, *prefixes)],
    )
