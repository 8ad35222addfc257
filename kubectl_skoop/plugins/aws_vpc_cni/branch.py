"""Pods with security groups of their own: each on a branch interface, a VLAN of the node's trunk.

cmd/routed-eni-cni-plugin/driver/driver.go (SetupBranchENIPodNetwork). Strict mode leads all that comes by the
pod's veth or by its VLAN to a table of its own; standard mode leads what has the pod's address.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kubectl_skoop.api import (
    Address,
    Context,
    Link,
    NetworkNamespace,
    Packet,
    PodInfo,
    Protocol,
    Wishes,
    expect,
)
from kubectl_skoop.plugins.aws_vpc_cni.plugin import SecurityGroups
from kubectl_skoop.plugins.eni import EVERYWHERE, TABLE_MAIN, attachment

STRICT = "vlan"
"""Beginning of the names of pods' devices in strict mode; those of VLANs are vlan.eth.ID."""
TABLES, VLAN_RULE, FROM_POD, LOCAL_RULE = 100, 10, 1536, 20
"""The table of a VLAN is its id and the first; priorities."""
OF_VLANS = range(TABLES + 1, TABLE_MAIN)
LOCAL = 255
AGENT = "the CNI plugin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One pod's."""

    ctx: Context
    ns: NetworkNamespace
    """The node's."""
    pod: PodInfo
    host: str
    """The node's end of the pod's veth."""
    vlan: int
    strict: bool
    router: Address | None = None
    """Of the branch interface's subnet, as EC2 tells it."""

    @property
    def device(self) -> str:
        return f"vlan.eth.{self.vlan}"

    @property
    def table(self) -> int:
        return TABLES + self.vlan

    def wishes(self, owners: Mapping[str, str]) -> Wishes:
        """`owners`: MACs of interfaces by address; empty: EC2 was not asked."""
        because = f"{AGENT} adds it when {self.pod.key} starts"
        mac = next((owner for each in self.pod.addresses if (owner := owners.get(str(each)))), "")
        yield expect.device(
            self.device, kind="vlan", up=True, mac=mac, because=f"{because}, for its branch ENI"
        )
        yield expect.forwarding(self.device)
        gateway = self._gateway()
        if gateway is not None:
            yield expect.route(
                f"{gateway}/32", dev=self.device, scope="link", table=self.table, because=because
            )
            yield expect.route(
                EVERYWHERE, dev=self.device, via=gateway, table=self.table, onlink=True, because=because
            )
        if self.strict:
            yield from attachment(self.ctx, self.pod, self.host, because)
            yield from self._strict(because)
        else:
            for address in _of_ipv4(self.pod):
                yield expect.rule(
                    source=f"{address}/32", table=self.table, priority=FROM_POD, because=because
                )

    def _strict(self, because: str) -> Wishes:
        for address in _of_ipv4(self.pod):
            yield expect.route(
                f"{address}/32", dev=self.host, scope="link", table=self.table, because=because
            )
        for device in (self.device, self.host):
            yield expect.rule(iif=device, table=self.table, priority=VLAN_RULE, because=because)
        late = "aws-node moves it behind those of VLANs when it starts in strict mode"
        yield expect.rule(table=LOCAL, priority=LOCAL_RULE, because=late)

    def to_pod(self, upstream: Link | None, packet: Packet) -> Wishes:
        """What the node itself sends leaves by its own interface, and the answers come by the pod's."""
        if self.strict and upstream is None and packet.protocol == Protocol.TCP:
            because = "DISABLE_TCP_EARLY_DEMUX of aws-node: else the node drops what its pods answer it"
            yield expect.sysctl("net.ipv4.tcp_early_demux", 0, because=because)

    def _gateway(self) -> Address | None:
        """Of the branch interface's subnet: as EC2 tells it, else by either of its two routes."""
        if self.router is not None:
            return self.router
        own = [route for route in self.ns.routes if route.table == self.table]
        default = next((route for route in own if str(route.destination) == EVERYWHERE), None)
        if default is not None and default.nexthops and default.nexthops[0].gateway is not None:
            return default.nexthops[0].gateway
        device = self.ns.device_by_name.get(self.device)
        for route in own:
            if device is not None and [hop.device for hop in route.nexthops] == [device.index]:
                address = route.destination.network_address
                if route.destination.prefixlen == 32 and address not in self.pod.addresses:
                    return address
        return None


def branch_of(
    ctx: Context,
    ns: NetworkNamespace,
    pod: PodInfo,
    owners: Mapping[str, str],
    routers: Mapping[str, Address],
    *,
    mode: SecurityGroups,
) -> Branch | None:
    """None: it has none, or its VLAN cannot be told. `routers`: of interfaces, by MAC, as EC2 tells them.
    `mode`: empty: the name of the pod's device tells it."""
    host = ctx.host_device(pod.key)
    if host is None:
        return None
    vlan = next(_vlans(ns, pod, host.name, host.index, owners), None)
    if vlan is None:
        return None
    macs = (owners.get(str(address), "") for address in pod.addresses)
    router = next((routers[mac] for mac in macs if mac in routers), None)
    strict = mode == "strict" if mode else is_strict(ctx, pod)
    return Branch(ctx=ctx, ns=ns, pod=pod, host=host.name, vlan=vlan, strict=strict, router=router)


def is_strict(ctx: Context, pod: PodInfo) -> bool:
    host = ctx.host_device(pod.key)
    return host is not None and host.name.startswith(STRICT)


def _vlans(
    ns: NetworkNamespace, pod: PodInfo, host: str, index: int, owners: Mapping[str, str]
) -> Iterator[int]:
    """By the MAC that EC2 tells of the pod's address, by the rules, by the route to the pod."""
    macs = {owners.get(str(address), "") for address in pod.addresses} - {""}
    yield from (
        device.vlan.id for device in ns.devices.values() if device.vlan is not None and device.mac in macs
    )
    for rule in ns.rules:
        own = rule.source is not None and rule.source.network_address in pod.addresses
        by_device = rule.iif == host and rule.priority == VLAN_RULE
        if rule.table in OF_VLANS and (by_device or (own and rule.priority == FROM_POD)):
            yield rule.table - TABLES
    for route in ns.routes:
        own = route.destination.network_address in pod.addresses
        by_host = [hop.device for hop in route.nexthops] == [index]
        if own and by_host and route.table in OF_VLANS:
            yield route.table - TABLES


def _of_ipv4(pod: PodInfo) -> Iterator[Address]:
    return (address for address in pod.addresses if address.version == 4)
