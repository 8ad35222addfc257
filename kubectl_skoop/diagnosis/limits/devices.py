"""Frames that devices and their queues dropped."""

from collections.abc import Collection, Iterator

from kubectl_skoop.diagnosis.limits import notable
from kubectl_skoop.diagnosis.limits.measured import Measured
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.snapshot.decode.counters import traffic

_WAYS = {"rx": "came in by", "tx": "were to leave by"}


def found(measured: Measured, devices: Collection[str]) -> Iterator[Suspicion]:
    """Of the devices with these names."""
    for device in measured.ns.devices.values():
        if device.name in devices:
            yield from _dropped(measured, device)
            yield from _queued(measured, device)


def _dropped(measured: Measured, device: Device) -> Iterator[Suspicion]:
    """IFLA_STATS64; rx_dropped counts also what no protocol takes (__netif_receive_skb_core)."""
    for direction, way in _WAYS.items():
        told = traffic(device, direction)
        if told is None or not notable(sum(told.lost.values()), told.packets):
            continue
        counted = " ".join(f"{name} {value}" for name, value in told.lost.items())
        yield Suspicion(
            code="device.dropped",
            level=Level.INFO,
            where=Where(measured.ns.place, device=device.name),
            message=f"frames that {way} {device.name} were dropped",
            evidence=(f"{device.name}: {direction}_packets {told.packets} {counted}",),
            remedy=f"look whether they still grow: ip -s -s link show {device.name}",
        )


def _queued(measured: Measured, device: Device) -> Iterator[Suspicion]:
    """One finding a device: what a queue drops is counted again in those that it is in."""
    queues = [queue for queue in measured.queues if queue.device == device.index]
    where = Where(measured.ns.place, device=device.name)
    if full := [queue.text for queue in queues if queue.full]:
        yield Suspicion(
            code="queue.full",
            level=Level.WARNING,
            where=where,
            message=f"the queue of {device.name} is full: what is sent by it now is dropped",
            evidence=tuple(full),
            remedy=f"raise its limit or rate (tc qdisc change dev {device.name} …), or send less",
        )
    elif dropped := [queue.text for queue in queues if notable(queue.drops, queue.sent)]:
        yield Suspicion(
            code="queue.dropped",
            level=Level.INFO,
            where=where,
            message=f"the queue of {device.name} dropped packets",
            evidence=tuple(dropped),
            remedy=f"look whether they still grow: tc -s qdisc show dev {device.name}",
        )
