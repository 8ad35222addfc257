"""A device that is set up in a copy of one namespace changes its other end in another one."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from kubectl_skoop.diagnosis.expectations.link_up import give_carrier
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.netstack.device import IFF_LOWER_UP, IFF_RUNNING, SAME_NAMESPACE, Device
from kubectl_skoop.netstack.namespace import NetworkNamespace

ById = Callable[[str], NetworkNamespace | NotCollected]


def settled(before: NetworkNamespace, after: NetworkNamespace, by_id: ById) -> tuple[NetworkNamespace, ...]:
    """`after` with the other namespaces that change with it.

    A veth has a carrier while both of its ends are up (drivers/net/veth.c, veth_open).
    """
    changed: dict[str, NetworkNamespace] = {}
    for device in _newly_up(before, after):
        far = changed.get(device.link_netns) or by_id(device.link_netns)
        peer = None if isinstance(far, NotCollected) else far.devices.get(device.link)
        if isinstance(far, NotCollected) or peer is None:
            continue
        if peer.up:
            changed[far.id] = give_carrier(far, peer.index)
        else:
            flags = device.flags & ~(IFF_LOWER_UP | IFF_RUNNING)
            after = replace(after, devices={**after.devices, device.index: replace(device, flags=flags)})
    return after, *changed.values()


def _newly_up(before: NetworkNamespace, after: NetworkNamespace) -> Iterator[Device]:
    for index, device in after.devices.items():
        was_up = index in before.devices and before.devices[index].up
        far = device.link_netns != SAME_NAMESPACE and not device.link_netns.startswith("unmapped:")
        if device.up and not was_up and device.kind == "veth" and far:
            yield device
