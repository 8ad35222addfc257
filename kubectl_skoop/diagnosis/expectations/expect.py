"""What plugins say they want: `expect.route("10.244.2.0/24", dev="flannel.1", because=…)`.

Addresses, networks, scopes and protocols are given in the words of `ip`. Anything left out is not compared.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

from kubectl_skoop.cluster.objects import NodeInfo
from kubectl_skoop.diagnosis.expectations.address import AddressExpectation
from kubectl_skoop.diagnosis.expectations.bridge_port import BridgePortExpectation
from kubectl_skoop.diagnosis.expectations.device import DeviceExpectation
from kubectl_skoop.diagnosis.expectations.expectation import Expectation
from kubectl_skoop.diagnosis.expectations.fdb import FdbExpectation
from kubectl_skoop.diagnosis.expectations.neighbour import NeighbourExpectation
from kubectl_skoop.diagnosis.expectations.route import RouteExpectation
from kubectl_skoop.diagnosis.expectations.sysctl import SysctlExpectation
from kubectl_skoop.model.packet import Address, Network
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.devices.bridge_port import STATE_NAMES
from kubectl_skoop.netstack.routing.text import PROTOCOLS, SCOPES
from kubectl_skoop.netstack.routing.types import TABLE_MAIN, PolicyRule, RouteType
from kubectl_skoop.netstack.sysctl import device_key

_SCOPE_NUMBERS = {name: number for number, name in SCOPES.items()}
_PROTOCOL_NUMBERS = {name: number for number, name in PROTOCOLS.items()}
_STATE_NUMBERS = {name: number for number, name in STATE_NAMES.items()}


def _network(given: object) -> Network:
    return given if isinstance(given, Network) else ip_network(str(given))


def _address(given: object) -> Address:
    return given if isinstance(given, Address) else ip_address(str(given))


def about(node: NodeInfo, wishes: Iterable[Expectation | Suspicion]) -> Iterator[Expectation | Suspicion]:
    """What one node wants for the sake of another: what is found of it is about that node, too."""
    place = Place("node", node.name)
    for wish in wishes:
        yield replace(wish, about=(place,))


def route(
    dst: object,
    *,
    because: str,
    dev: str = "",
    via: object = None,
    scope: str = "",
    type: RouteType = "unicast",
    protocol: str = "",
    table: int = TABLE_MAIN,
    onlink: bool = False,
    carries: object = None,
    source: object = None,
    remedy: str = "",
) -> Expectation:
    """The first route of the kernel's choice with this destination.

    `onlink`: needed to make it, not compared. `carries`: an address that no more specific route may take away
    to another device or gateway; with `source`, no policy rule either.
    """
    return RouteExpectation(
        destination=_network(dst),
        dev=dev,
        via=_address(via) if via else None,
        scope=_SCOPE_NUMBERS[scope] if scope else None,
        type=type,
        protocol=_PROTOCOL_NUMBERS[protocol] if protocol else None,
        onlink=onlink,
        in_table=table,
        carries=_address(carries) if carries else None,
        source=_address(source) if source else None,
        because=because,
        remedy=remedy,
    )


def default_route(
    *,
    because: str,
    dev: str = "",
    via: object = None,
    family: int = 4,
    onlink: bool = False,
    remedy: str = "",
) -> Expectation:
    """Any default route, as far as `dev` and `via` are left out."""
    everything = "::/0" if family == 6 else "0.0.0.0/0"
    return route(everything, dev=dev, via=via, onlink=onlink, because=because, remedy=remedy)


def device(
    name: str,
    *,
    because: str,
    kind: str = "",
    up: bool | None = None,
    carrier: bool | None = None,
    mtu: int | None = None,
    max_mtu: int | None = None,
    min_mtu: int | None = None,
    arp: bool | None = None,
    mac: str = "",
    master: str = "",
    vni: int | None = None,
    port: int | None = None,
    local: object = None,
    key: str = "",
    programs: tuple[str, ...] = (),
    remedy: str = "",
) -> Expectation:
    """`vni` is a vxlan device's, `local` also an ipip device's, `port` also a wireguard device's, `key` the
    digest of its public key; MTUs in bytes. `programs`: where a BPF program or another tc filter must be,
    `ingress` or `egress`."""
    return DeviceExpectation(
        name=name,
        kind=kind,
        up=up,
        carrier=carrier,
        mtu=mtu,
        max_mtu=max_mtu,
        min_mtu=min_mtu,
        arp=arp,
        mac=mac.lower(),
        master=master,
        vni=vni,
        port=port,
        local=_address(local) if local else None,
        digest=key,
        programs=programs,
        because=because,
        remedy=remedy,
    )


def sysctl(
    key: str,
    *values: int | str,
    because: str,
    at_least: int | None = None,
    follows: str = "",
    remedy: str = "",
) -> Expectation:
    """One of the values, or a number not below `at_least`. A dot in a device name is written `/`.

    `follows`: a switch that sets it, too, and has a wish of its own, which speaks while the switch is wrong.
    """
    if bool(values) == (at_least is not None):
        raise TypeError(f"{key}: give values, or at_least")
    return SysctlExpectation(
        name=key,
        values=tuple(str(value) for value in values),
        at_least=at_least,
        follows=follows,
        because=because,
        remedy=remedy,
    )


def forwarding(
    device: str, because: str = "the kernel sets it on every device with net.ipv4.ip_forward"
) -> Expectation:
    """IPv4 packets that come in by the device are sent on."""
    key = f"net.ipv4.conf.{device_key(device)}.forwarding"
    return sysctl(key, 1, follows="net.ipv4.ip_forward", because=because)


def neighbour(
    address: object, *, dev: str, mac: str, because: str, required: bool = True, remedy: str = ""
) -> Expectation:
    """`required=False`: absent and unresolved entries are fine, only another MAC is not."""
    return NeighbourExpectation(
        address=_address(address),
        dev=dev,
        mac=mac.lower(),
        required=required,
        because=because,
        remedy=remedy,
    )


def fdb(mac: str, *, dev: str, dst: object, because: str, remedy: str = "") -> Expectation:
    """An entry of a vxlan device: frames for this MAC go to the tunnel end `dst`."""
    return FdbExpectation(mac=mac.lower(), dev=dev, dst=_address(dst), because=because, remedy=remedy)


def address(
    dev: str,
    address: object,
    *,
    because: str,
    any_prefix: bool = False,
    others: Iterable[object] | None = None,
    remedy: str = "",
) -> Expectation:
    """`address` with its prefix length; `any_prefix`: it may have another one.

    `others`: which further addresses the device may have, link-local ones aside; None: any.
    """
    return AddressExpectation(
        dev=dev,
        address=ip_interface(str(address)),
        any_prefix=any_prefix,
        others=None if others is None else tuple(_address(other) for other in others),
        because=because,
        remedy=remedy,
    )


def rule(
    *,
    because: str,
    source: object = None,
    destination: object = None,
    iif: str = "",
    oif: str = "",
    mark: int = 0,
    mask: int = 0,
    invert: bool = False,
    table: int = TABLE_MAIN,
    priority: int | None = None,
    family: int = 4,
    remedy: str = "",
) -> Expectation:
    """A policy rule that looks `table` up, with exactly these selectors; `invert`: for all other packets."""
    # Few plugins want one.
    from kubectl_skoop.diagnosis.expectations.rule import RuleExpectation

    return RuleExpectation(
        rule=PolicyRule(
            priority=priority or 0,
            family=family,
            invert=invert,
            source=_network(source) if source else None,
            destination=_network(destination) if destination else None,
            iif=iif,
            oif=oif,
            mark=mark,
            mask=mask or (0xFFFFFFFF if mark else 0),
            table=table,
        ),
        any_priority=priority is None,
        because=because,
        remedy=remedy,
    )


def iptables(
    table: str,
    chain: str,
    *rules: str,
    because: str,
    family: int = 4,
    first: bool = False,
    remedy: str = "",
) -> Expectation:
    """A rule of a chain, as iptables-save prints it without `-A CHAIN`, or one of several; comments are not
    compared. `first`: it belongs before the others of the chain."""
    if not rules:
        raise TypeError(f"{table} {chain}: give a rule")
    from kubectl_skoop.diagnosis.expectations.iptables import IptablesExpectation

    return IptablesExpectation(
        in_table=table,
        chain=chain,
        rules=rules,
        family=family,
        first=first,
        because=because,
        remedy=remedy,
    )


def nft(table: str, chain: str, *rules: str, because: str, remedy: str = "") -> Expectation:
    """A rule of a native table (`ip aws-cni`), as nft lists it without counters, or one of several."""
    if not rules:
        raise TypeError(f"{table} {chain}: give a rule")
    from kubectl_skoop.diagnosis.expectations.nft import NftExpectation

    return NftExpectation(in_table=table, chain=chain, rules=rules, because=because, remedy=remedy)


def member(name: str, member: object, *, because: str, remedy: str = "") -> Expectation:
    """The ipset has the member, written as `ipset save` does. Not compared where the set is missing."""
    from kubectl_skoop.diagnosis.expectations.set_member import SetMemberExpectation

    return SetMemberExpectation(name=name, member=str(member), because=because, remedy=remedy)


def wireguard_peer(
    dev: str,
    peer: str,
    *,
    endpoint: object,
    port: int,
    allowed: object,
    because: str,
    remedy: str = "",
) -> Expectation:
    """`peer` is the digest of its public key: the first 16 hex digits of SHA-256 of its 32 bytes. `endpoint`
    with its UDP port is where it is asked; `allowed` is a network that it, and no other, may have."""
    from kubectl_skoop.diagnosis.expectations.wireguard_peer import WireguardPeerExpectation

    return WireguardPeerExpectation(
        dev=dev,
        peer=peer,
        endpoint=(_address(endpoint), port),
        allowed=_network(allowed),
        because=because,
        remedy=remedy,
    )


def bridge_port(
    dev: str,
    *,
    because: str,
    state: str = "",
    hairpin: bool | None = None,
    isolated: bool | None = None,
    learning: bool | None = None,
    flood: bool | None = None,
    broadcast: bool | None = None,
    remedy: str = "",
) -> Expectation:
    """`state` is disabled, listening, learning, forwarding or blocking."""
    return BridgePortExpectation(
        dev=dev,
        state=_STATE_NUMBERS[state] if state else None,
        hairpin=hairpin,
        isolated=isolated,
        learning=learning,
        flood=flood,
        broadcast=broadcast,
        because=because,
        remedy=remedy,
    )
