"""What a node wants for the pods on it: their devices, settings, routes, neighbours."""

from collections.abc import Sequence

from kubectl_skoop.api import Packet, Place, PodInfo, Wishes, device_key, expect
from kubectl_skoop.plugins.calico.fabric import Fabric
from kubectl_skoop.plugins.calico.family import V4, V6, family_of

HOST_MAC = "ee:ee:ee:ee:ee:ee"
INSIDE = "eth0"
"""The pod's end of its veth."""


def attached(fabric: Fabric, pod: PodInfo, *, bpf: bool) -> Wishes:
    """configureInterface and the routes of felix/dataplane/linux/endpoint_mgr.go."""
    device, because = fabric.device_of(pod), f"Felix sets it up when {pod.key} starts"
    inside = fabric.ctx.device(Place("pod", pod.key), INSIDE)
    yield expect.device(
        device,
        kind="veth",
        up=True,
        carrier=True,
        arp=True,
        mac=HOST_MAC,
        mtu=inside.mtu if inside else None,
        programs=("ingress", "egress") if bpf else (),
        because=because,
    )
    families = {family_of(address.version) for address in pod.addresses}
    if V4 in families:
        yield expect.sysctl(f"net.ipv4.conf.{device_key(device)}.proxy_arp", 1, because=because)
        yield expect.forwarding(device, because)
    if families - {V4}:
        yield expect.sysctl(f"net.ipv6.conf.{device_key(device)}.proxy_ndp", 1, because=because)
    if bpf:
        programs = "Felix's programs check sources, and the kernel's check does not see what they redirect"
        yield expect.sysctl(f"net.ipv4.conf.{device_key(device)}.rp_filter", 0, because=programs)
    for address in pod.addresses:
        host = f"{address}/{address.max_prefixlen}"
        scope = "link" if address.version == 4 else ""
        yield expect.route(host, dev=device, scope=scope, because=because)


def reached(fabric: Fabric, packet: Packet, pod: PodInfo) -> Wishes:
    """Of a packet to a pod of the node itself."""
    if packet.dst not in pod.addresses:
        return
    device, family = fabric.device_of(pod), family_of(packet.family)
    inside = fabric.ctx.device(Place("pod", pod.key), INSIDE)
    if inside is not None:
        yield expect.neighbour(
            packet.dst,
            dev=device,
            mac=inside.mac,
            required=False,
            because=f"the kernel asks for it; {INSIDE} of {pod.key} has this MAC",
        )
    yield expect.route(
        f"{packet.dst}/{family.bits}",
        dev=device,
        scope="link" if family is V4 else "",
        carries=packet.dst,
        source=packet.src,
        because=f"Felix adds it when {pod.key} starts",
    )


def gateway(fabric: Fabric, pods: Sequence[PodInfo]) -> Wishes:
    """Who answers for the pods' next hop: proxy ARP (arp_process), or the node's end by its own address."""
    versions = {address.version for pod in pods for address in pod.addresses}
    if 4 in versions:
        yield expect.default_route(
            because=f"a node answers its pods' questions for {V4.gateway} only if it has a route to it"
        )
    for pod in pods:
        if any(address.version == 6 for address in pod.addresses):
            because = "the kernel makes it of the device's MAC, and it is the gateway of the pod"
            yield expect.address(fabric.device_of(pod), f"{V6.gateway}/64", because=because)
