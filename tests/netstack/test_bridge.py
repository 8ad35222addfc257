"""Bridge ports: what each setting stops, and what it does not (compared with the kernel in tests/kernel)."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from kubectl_skoop.netstack.device import PortVlan
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import FdbEntry
from tests.netstack.builders import bridged, changed, mac, port, walk

A_TO_B, B_TO_A, A_TO_BRIDGE = "a tcp 10.1.0.3", "b tcp 10.1.0.2", "a tcp 10.1.0.1"
SERVED = {
    A_TO_B: "answer, b sees 10.1.0.2",
    B_TO_A: "answer, a sees 10.1.0.3",
    A_TO_BRIDGE: "answer, r sees 10.1.0.2",
}
LOST = "no route to host"
PA, PB, BR0 = 2, 3, 4


def in_vlan(
    states: Mapping[int, int | None], *, filtering: bool = True, mst: bool = False, **of_a: object
) -> dict[str, NetworkNamespace]:
    """All in VLAN 1 with these states, forwarding where none is named; `of_a`: settings of a's port."""
    hosts = port(bridged(), PA, **of_a)
    devices = {
        index: replace(device, vlans=(PortVlan(1, pvid=True, untagged=True, state=states.get(index, 3)),))
        for index, device in hosts["r"].devices.items()
    }
    bridge = devices[BR0].bridge
    assert bridge is not None
    devices[BR0] = replace(devices[BR0], bridge=bridge._replace(vlan_filtering=filtering, mst=mst))
    own = FdbEntry(mac=devices[BR0].mac, port=BR0, bridge=BR0, vlan=1, local=True)
    hosts["r"] = replace(hosts["r"], devices=devices, fdb=(*hosts["r"].fdb, own))
    return hosts


@pytest.mark.parametrize(
    ("hosts", "lost"),
    [
        pytest.param(in_vlan({}), (), id="forwarding"),
        pytest.param(in_vlan({PA: 4}), (A_TO_B, B_TO_A, A_TO_BRIDGE), id="a is blocking"),
        pytest.param(in_vlan({PA: 2}), (A_TO_B, B_TO_A, A_TO_BRIDGE), id="a is learning"),
        pytest.param(in_vlan({BR0: 4}), (A_TO_BRIDGE,), id="the bridge is blocking"),
        pytest.param(in_vlan({PA: 4}, filtering=False), (), id="no VLANs are told apart"),
        pytest.param(in_vlan({}, state=4), (A_TO_B, B_TO_A, A_TO_BRIDGE), id="the port, not its VLAN"),
        pytest.param(in_vlan({}, mst=True, state=4), (), id="MST: the port does not count"),
        pytest.param(in_vlan({}, mst=True, filtering=False, state=4), (), id="nor without VLANs"),
        pytest.param(in_vlan({PB: 4}, mst=True), (A_TO_B, B_TO_A), id="MST: b is blocking"),
        pytest.param(in_vlan({PA: None, PB: None, BR0: None}), (), id="an older agent"),
    ],
)
def test_states_in_a_vlan(hosts: dict[str, NetworkNamespace], lost: tuple[str, ...]) -> None:
    for flow, served in SERVED.items():
        assert walk(hosts, flow) == (LOST if flow in lost else served), flow


@pytest.mark.parametrize("flow", [A_TO_B, A_TO_BRIDGE, "r tcp 10.1.0.3"])
def test_mst_of_an_older_agent_is_unknown(flow: str) -> None:
    hosts = in_vlan({PA: None, PB: None, BR0: None}, mst=True)
    assert "(MST) were not collected" in walk(hosts, flow)


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        pytest.param({}, (), id="as usual"),
        *(
            pytest.param({PA: {"state": state}}, (A_TO_B, B_TO_A, A_TO_BRIDGE), id=f"port a in state {state}")
            for state in (0, 1, 2, 4)
        ),
        pytest.param({PB: {"state": 4}}, (A_TO_B, B_TO_A), id="port b is blocking"),
        pytest.param({PA: {"isolated": True}}, (), id="one port is isolated"),
        pytest.param({PA: {"isolated": True}, PB: {"isolated": True}}, (A_TO_B, B_TO_A), id="both are"),
        pytest.param({PA: {"locked": True}}, (A_TO_B, B_TO_A, A_TO_BRIDGE), id="port a is locked"),
        pytest.param({PA: {"learning": False}}, (), id="port a does not learn"),
        pytest.param({PA: {"unicast_flood": False}}, (), id="nothing is flooded to port a"),
        pytest.param({PB: {"broadcast_flood": False}}, (A_TO_B,), id="no question reaches b"),
        pytest.param({PB: {"multicast_flood": False}}, (), id="no multicast reaches b"),
        pytest.param({PA: {"hairpin": True}}, (), id="hairpin is on"),
    ],
)
def test_a_port(changes: Mapping[int, Mapping[str, object]], lost: tuple[str, ...]) -> None:
    hosts = bridged()
    for index, settings in changes.items():
        hosts = port(hosts, index, **settings)
    for flow, served in SERVED.items():
        assert walk(hosts, flow) == (LOST if flow in lost else served), flow


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(FdbEntry(mac=mac("a", 2), port=PA, bridge=BR0), SERVED[A_TO_B], id="its own port"),
        pytest.param(FdbEntry(mac=mac("a", 2), port=PB, bridge=BR0), SERVED[A_TO_B], id="another port moves"),
        pytest.param(FdbEntry(mac=mac("a", 2), port=PB, bridge=BR0, sticky=True), LOST, id="sticky stays"),
        pytest.param(
            FdbEntry(mac=mac("a", 2), port=PB, bridge=9, sticky=True), SERVED[A_TO_B], id="of another bridge"
        ),
        pytest.param(
            FdbEntry(mac=mac("b", 2), port=PA, bridge=BR0, local=True), "timeout", id="the bridge takes it"
        ),
    ],
)
def test_a_forwarding_entry(entry: FdbEntry, expected: str) -> None:
    assert walk(changed(bridged(), "r", fdb=(entry,)), A_TO_B) == expected


def test_a_locked_port_lets_by_whom_it_knows() -> None:
    hosts = changed(
        port(bridged(), PA, locked=True), "r", fdb=(FdbEntry(mac=mac("a", 2), port=PA, bridge=BR0),)
    )
    assert walk(hosts, A_TO_B) == SERVED[A_TO_B]


def test_nobody_finds_a_port_that_neither_learns_nor_floods() -> None:
    """K-37: who asks first is lost otherwise than who is asked."""
    hosts = port(bridged(), PA, learning=False, unicast_flood=False)
    assert walk(hosts, A_TO_B) == LOST
    assert walk(hosts, B_TO_A) == "timeout"


def test_a_bridge_that_is_its_own_port_ends() -> None:
    """No kernel has one, a damaged snapshot may."""
    hosts = bridged()
    (name,) = [name for name, ns in hosts.items() if BR0 in ns.devices]
    devices = hosts[name].devices
    own = replace(devices[BR0], master=BR0)
    assert walk(changed(hosts, name, devices={**devices, BR0: own}), A_TO_BRIDGE) == LOST
