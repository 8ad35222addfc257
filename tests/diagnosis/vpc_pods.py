"""Nodes and pods of a VPC as their CNI leaves them where this machine's kernel has no such devices.

Made by hand: no packet judges them, only what the plugin wants is held against them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address as IP
from ipaddress import IPv4Network
from typing import Any, NamedTuple

from kubectl_skoop.api import Device, Expectation, NetworkNamespace, Place
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.netstack.device import InterfaceAddress
from kubectl_skoop.netstack.routing.types import SCOPE_LINK, SCOPE_UNIVERSE, Nexthop, Route
from kubectl_skoop.netstack.sysctl import Sysctls, device_key

NODE, POD = "node/n1", "pod/default/a"
NODE_ADDRESS, POD_ADDRESS, ROUTER = IP("10.244.1.10"), IP("10.244.1.2"), IP("10.244.1.1")
EVERYWHERE = "0.0.0.0/0"
State = dict[str, NetworkNamespace]
Change = Callable[[NetworkNamespace], NetworkNamespace]


class Case(NamedTuple):
    """One thing that is wrong at one place, and the finding that names it."""

    place: str
    change: Change
    code: str
    words: str


def sysctls(*devices: str) -> Sysctls:
    """A node that forwards."""
    each = {f"net.ipv4.conf.{device_key(device)}.forwarding": "1" for device in devices}
    return Sysctls({"net.ipv4.ip_forward": "1", "net.ipv4.conf.eth0.rp_filter": "0", **each})


def route(destination: object, device: int, gateway: IP | None = None, table: int = 254) -> Route:
    return Route(
        destination=IPv4Network(str(destination)),
        table=table,
        nexthops=(Nexthop(device=device, gateway=gateway),),
        scope=SCOPE_UNIVERSE if gateway else SCOPE_LINK,
    )


def address(device: int, own: IP, prefix: int = 32) -> InterfaceAddress:
    return InterfaceAddress(device=device, address=own, prefix=prefix)


def namespace(place: str, devices: Sequence[Device], **tables: Any) -> NetworkNamespace:
    kind, _, name = place.partition("/")
    return NetworkNamespace(
        id=f"n1/4:{kind}",
        place=Place("node" if kind == "node" else "pod", name),
        node="n1",
        devices={device.index: device for device in devices},
        **tables,
    )


LO = Device(index=1, name="lo")


def without_device(name: str) -> Change:
    return lambda ns: replace(ns, devices={i: one for i, one in ns.devices.items() if one.name != name})


def down(name: str) -> Change:
    def change(ns: NetworkNamespace) -> NetworkNamespace:
        devices = {i: replace(one, flags=0) if one.name == name else one for i, one in ns.devices.items()}
        return replace(ns, devices=devices)

    return change


def without_route(destination: object, table: int = 254) -> Change:
    gone = IPv4Network(str(destination)), table
    return lambda ns: replace(
        ns, routes=tuple(one for one in ns.routes if (one.destination, one.table) != gone)
    )


def without_rule(**fields: object) -> Change:
    return lambda ns: replace(
        ns,
        rules=tuple(
            rule for rule in ns.rules if any(getattr(rule, name) != it for name, it in fields.items())
        ),
    )


def without_addresses(ns: NetworkNamespace) -> NetworkNamespace:
    return replace(ns, addresses=())


def without_neighbours(ns: NetworkNamespace) -> NetworkNamespace:
    return replace(ns, neighbours=())


def found(ctx: Any) -> list[str]:
    """Codes and messages of all that deviates on n1 and in its pod a."""
    setup = set_up(ctx)
    actions = [
        setup.plugin.create_node(ctx.cluster.node("n1")),
        setup.plugin.create_pod(ctx.cluster.pod("default/a")),
    ]
    told = []
    for action in actions:
        ns = ctx.namespace(action.place)
        for wish in action.always():
            assert isinstance(wish, Expectation), wish
            deviation = wish.compare(ns)
            if deviation is not None:
                finding = deviation.suspicion(setup.network.plugin.name, action.place)
                told.append(f"{finding.where.place} {finding.code}: {finding.message}")
    return told


def check(make_context: Any, objects: Sequence[Any], state: State, case: Case) -> None:
    """The case's finding is told; the same state without the change is silent."""
    calm = found(make_context(objects, state))
    assert calm == [], calm
    broken = {**state, case.place: case.change(state[case.place])}
    told = found(make_context(objects, broken))
    wanted = f"{case.place} {case.code}: "
    assert any(one.startswith(wanted) and case.words in one for one in told), told
