"""Settings of a bridge port."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation, differs, missing
from kubectl_skoop.netstack.device import BridgePort, Device
from kubectl_skoop.netstack.devices.bridge_port import STATE_NAMES
from kubectl_skoop.netstack.namespace import NetworkNamespace


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgePortExpectation(Expectation):
    """Fields that are None are not compared, nor the state while the port or its bridge is down."""

    table: ClassVar[str] = "device"
    sections: ClassVar[tuple[str, ...]] = ("links",)

    dev: str
    state: int | None = None
    """BR_STATE_*."""
    hairpin: bool | None = None
    isolated: bool | None = None
    learning: bool | None = None
    flood: bool | None = None
    """Of frames to unknown MACs."""
    broadcast: bool | None = None

    @property
    def key(self) -> str:
        return f"bridge port {self.dev}"

    @property
    def device(self) -> str:
        return self.dev

    @property
    def want(self) -> str:
        words = [] if self.state is None else [f"state {STATE_NAMES.get(self.state, self.state)}"]
        words += [_switch(name, value) for name, _, value in self._switches() if value is not None]
        return " ".join([self.dev, *words])

    def find(self, ns: NetworkNamespace) -> Sequence[Device]:
        device = ns.device_by_name.get(self.dev)
        return () if device is None or device.port is None else (device,)

    def difference(self, ns: NetworkNamespace) -> Deviation | None:
        device = ns.device_by_name.get(self.dev)
        if device is None or device.port is None:
            return missing(self)
        bridge = ns.devices.get(device.master)
        running = device.up and device.carrier and bridge is not None and bridge.up
        wrong = list(self._wrong(device.port, running=running))
        if not wrong:
            return None
        how = "has " + ", ".join(has for has, _ in wrong)
        command = f"bridge link set dev {self.dev} " + " ".join(words for _, words in wrong)
        return differs(self, how, [" ".join([self.dev, *(has for has, _ in wrong)])], command=command)

    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        device = ns.device_by_name.get(self.dev)
        if device is None or device.port is None:
            return None
        port = device.port
        changed = port._replace(
            state=port.state if self.state is None else self.state,
            hairpin=port.hairpin if self.hairpin is None else self.hairpin,
            isolated=port.isolated if self.isolated is None else self.isolated,
            learning=port.learning if self.learning is None else self.learning,
            unicast_flood=port.unicast_flood if self.flood is None else self.flood,
            broadcast_flood=port.broadcast_flood if self.broadcast is None else self.broadcast,
        )
        return replace(ns, devices={**ns.devices, device.index: replace(device, port=changed)})

    def _switches(self) -> Iterator[tuple[str, str, bool | None]]:
        """Name for bridge(8), field of BridgePort, wanted value."""
        yield "hairpin", "hairpin", self.hairpin
        yield "isolated", "isolated", self.isolated
        yield "learning", "learning", self.learning
        yield "flood", "unicast_flood", self.flood
        yield "bcast_flood", "broadcast_flood", self.broadcast

    def _wrong(self, port: BridgePort, *, running: bool) -> Iterator[tuple[str, str]]:
        """What it has, and the words for bridge(8) that put it right."""
        if running and self.state is not None and port.state != self.state:
            yield f"state {STATE_NAMES.get(port.state, port.state)}", f"state {self.state}"
        for name, field, wanted in self._switches():
            has: bool = getattr(port, field)
            if wanted is not None and has != wanted:
                yield _switch(name, has), _switch(name, wanted)


def _switch(name: str, value: bool) -> str:
    return f"{name} {'on' if value else 'off'}"
