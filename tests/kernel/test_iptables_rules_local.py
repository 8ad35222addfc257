"""Rules that ask the routing tables, the sending socket or the bridge, against the kernel's counters."""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from itertools import product
from pathlib import Path

import pytest

from kubectl_skoop.model.packet import Owner, Packet, Passage, Protocol
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.netfilter.iptables.save import SavedChain, parse_save
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.netns import entered
from kubectl_skoop.testing.route_oracle import read_state
from kubectl_skoop.testing.rule_lab import (
    DATAGRAM,
    RECEIVER_MAC,
    SENTINEL,
    RuleLab,
    rule_lab,
)

pytestmark = pytest.mark.kernel

ROUTES = """\
addr add 10.77.5.1/32 dev out0
addr add fd77:5::1/128 dev out0 nodad
addr add 10.77.6.1/24 broadcast 10.77.6.255 dev lo
route add blackhole 10.77.3.0/24
route add unreachable 10.77.4.0/24
route add blackhole fd77:3::/64
route add unreachable fd77:4::/64
route add fd77:9::/64 dev out0 metric 50
route add fd77:9::/64 dev in0 metric 100
route add fd77:8::/64 dev in0
route add fd77:8::8/128 dev out0
route add 10.77.9.0/24 dev out0 metric 50
route add 10.77.9.0/24 dev in0 metric 100
"""
ADDRESSES = {
    4: (
        *("10.77.1.1", "10.77.1.2", "10.77.1.255", "10.77.2.1", "10.77.2.5", "10.77.3.1", "10.77.4.1"),
        *("10.77.5.1", "10.77.6.255", "10.77.9.9", "127.0.0.1", "224.0.0.5", "255.255.255.255", "10.77.1.0"),
    ),
    6: (
        *("fd77:1::1", "fd77:1::2", "fd77:1::", "fd77:2::1", "fd77:2::5", "fd77:3::1", "fd77:4::1"),
        *("fd77:5::1", "fd77:9::9", "fd77:8::8", "fd77:8::9", "::1", "ff02::5"),
    ),
}
TYPES = {
    4: ("UNICAST", "LOCAL", "BROADCAST", "MULTICAST", "LOCAL,BROADCAST", "UNICAST,BLACKHOLE"),
    6: ("UNICAST", "LOCAL", "ANYCAST", "MULTICAST", "UNREACHABLE", "LOCAL,MULTICAST"),
}
UID, GID = 12345, 23456


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab({"net.ipv4.conf.all.route_localnet": 1}, router_commands=ROUTES) as made:
        yield made


@pytest.fixture(scope="module")
def bridge() -> Iterator[RuleLab]:
    ports = "link add br0 type bridge\nlink set br0 up\nlink set in0 master br0\nlink set out0 master br0\n"
    with rule_lab(router_commands=ports) as made:
        yield made


def load(
    lab: RuleLab, engine: str, family: int, table: str, chain: str, matches: Sequence[str], last: str = ""
) -> SavedChain:
    rules = [f"-A {chain} {match}" for match in matches]
    sentinel = f"-A {chain} -m comment --comment {SENTINEL} {last}"
    lab.load(engine, family, "\n".join([f"*{table}", *rules, sentinel, "COMMIT", ""]))
    for base in parse_save(lab.save(engine, family), family, "iptables-legacy"):
        if base.chain == chain and base.table.name == table:
            found = base.table.chain(chain)
            assert isinstance(found, SavedChain)
            return found
    raise AssertionError(chain)


def differences(chain: SavedChain, ctx: RuleContext, before: list[int], after: list[int]) -> list[str]:
    return [
        f"kernel {new > old}: {one.text}"
        for (_, one), new, old in zip(chain.all_rules, after, before, strict=True)
        if one.asks_for(ctx) != (new > old)
    ]


def datagram(source: str, destination: str) -> Packet:
    return replace(DATAGRAM, src=ip_address(source), dst=ip_address(destination))


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_address_types_and_the_way_back_are_the_kernels(lab: RuleLab, engine: str, family: int) -> None:
    limits = ("", " --limit-iface-in")
    matches = [
        f"-m addrtype {invert}--{side}-type {names}{limit}"
        for invert, side, names, limit in product(("", "! "), ("src", "dst"), TYPES[family], limits)
    ]
    options = (" --loose", " --accept-local", " --validmark", " --invert")
    matches += [f"-m rpfilter{''.join(chosen)}" for chosen in product(*(("", option) for option in options))]
    matches = [f"-i in0 {match}" for match in matches]
    chain = load(lab, engine, family, "raw", "PREROUTING", matches, "-i in0 -j DROP")
    ns = read_state(lab.router.path)
    try:
        before = lab.counts(engine, family)
        for source, destination in product(ADDRESSES[family], repeat=2):
            if source.startswith(("22", "ff", "255", "::1")) or destination == "::1":
                continue
            sent = datagram(source, destination)
            ctx = RuleContext(
                stack=Stack(ns, Choices()),
                hook=Hook.PREROUTING,
                frame=sent,
                passage=Passage(iif=lab.in_device),
                indev=lab.in_device,
            )
            lab.send(sent)
            after = lab.matched(engine, family, before, len(before) - 1)
            assert not differences(chain, ctx, before, after), (source, destination)
            before = after
    finally:
        lab.load(engine, family, "*raw\nCOMMIT\n")


@pytest.mark.parametrize("owner", [Owner(uid=0, gid=0), Owner(uid=UID, gid=GID)], ids=["root", "user"])
@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_the_owner_of_a_socket_is_asked_as_the_kernel_does(lab: RuleLab, engine: str, owner: Owner) -> None:
    ids = ("--uid-owner 0", f"--uid-owner {UID}", "--uid-owner 0-20000")
    groups = ("", "--gid-owner 0", f"--gid-owner {GID}", "--gid-owner 10-99999")
    matches = [
        f"-m owner {not_uid}{uid} {not_gid if gid else ''}{gid}"
        for not_uid, uid, not_gid, gid in product(("", "! "), ids, ("", "! "), groups)
    ]
    matches += ["-m owner --socket-exists", "-m owner ! --socket-exists"]
    chain = load(lab, engine, 4, "mangle", "OUTPUT", matches)
    try:
        before = lab.counts(engine, 4)
        with entered(lab.router.path), socket_of(owner) as sender:
            sender.sendto(b"x", ("10.77.2.3", 2000))
        after = lab.matched(engine, 4, before, len(before) - 1)
        ctx = RuleContext(
            stack=Stack(lab.ns, Choices()),
            hook=Hook.OUTPUT,
            frame=datagram("10.77.2.1", "10.77.2.3"),
            passage=Passage(owner=owner),
            outdev=lab.out_device,
        )
        assert not differences(chain, ctx, before, after)
    finally:
        lab.load(engine, 4, "*mangle\nCOMMIT\n")


def socket_of(owner: Owner) -> socket.socket:
    """The identity of the process at the time of socket(2) is that of the socket."""
    os.setegid(owner.gid)
    os.seteuid(owner.uid)
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_an_answer_without_a_socket_matches_only_what_is_negated(lab: RuleLab, engine: str) -> None:
    matches = ["-m owner --uid-owner 0", "-m owner ! --uid-owner 0", "-m owner ! --uid-owner 0 --gid-owner 0"]
    matches += ["-m owner --socket-exists", "-m owner ! --socket-exists"]
    chain = load(lab, engine, 4, "mangle", "OUTPUT", matches)
    try:
        before = lab.counts(engine, 4)
        lab.send(replace(datagram("10.77.1.2", "10.77.1.1"), protocol=Protocol.TCP, dport=1))
        after = lab.matched(engine, 4, before, len(before) - 1)
        ctx = RuleContext(
            stack=Stack(lab.ns, Choices()),
            hook=Hook.OUTPUT,
            frame=replace(datagram("10.77.1.1", "10.77.1.2"), protocol=Protocol.TCP),
            passage=Passage(),
            outdev=lab.in_device,
        )
        assert not differences(chain, ctx, before, after)
    finally:
        lab.load(engine, 4, "*mangle\nCOMMIT\n")


@contextmanager
def control_groups() -> Iterator[Path]:
    """Two groups, one in the other, of the unified hierarchy; the process is in the inner one."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    root = next(Path(words[1]) for words in mounts if words[2] == "cgroup2")
    own = Path("/proc/self/cgroup").read_text().split("0::/", 1)[1].splitlines()[0]
    inner = root / f"skoop-{os.getpid()}/inner"
    inner.mkdir(parents=True)
    try:
        (inner / "cgroup.procs").write_text(str(os.getpid()))
        yield inner.relative_to(root)
    finally:
        (root / own / "cgroup.procs").write_text(str(os.getpid()))
        inner.rmdir()
        inner.parent.rmdir()


@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_the_control_group_of_a_socket_is_asked_as_the_kernel_does(lab: RuleLab, engine: str) -> None:
    """cgroup: of the socket's own group and of those above it; a RST is of the root."""
    with control_groups() as group, entered(lab.router.path), socket_of(Owner()) as sender:
        names = (str(group), str(group.parent), "/", f"/{group}")
        matches = [f"-m cgroup {invert}--path {name}" for invert, name in product(("", "! "), names)]
        chain = load(lab, engine, 4, "mangle", "OUTPUT", matches)
        try:
            for owner in (Owner(cgroup=f"/{group}"), None):
                before = lab.counts(engine, 4)
                if owner:
                    sender.sendto(b"x", ("10.77.2.3", 2000))
                else:
                    lab.send(replace(datagram("10.77.1.2", "10.77.1.1"), protocol=Protocol.TCP, dport=1))
                after = lab.matched(engine, 4, before, len(before) - 1)
                ctx = RuleContext(
                    stack=Stack(lab.ns, Choices()),
                    hook=Hook.OUTPUT,
                    frame=datagram("10.77.2.1", "10.77.2.3"),
                    passage=Passage(owner=owner),
                    outdev=lab.out_device,
                )
                assert not differences(chain, ctx, before, after)
        finally:
            lab.load(engine, 4, "*mangle\nCOMMIT\n")


@pytest.mark.parametrize("hook", [Hook.PREROUTING, Hook.FORWARD])
@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_the_ports_of_a_bridged_packet_are_the_kernels(bridge: RuleLab, engine: str, hook: Hook) -> None:
    ports = ("in0", "in+", "out0", "out+")
    singles = [f"--physdev-{side} {port}" for side, port in product(("in", "out"), ports)]
    singles += ["--physdev-is-in", "--physdev-is-out", "--physdev-is-bridged"]
    pairs = [f"--physdev-in {one} --physdev-out {other}" for one, other in product(ports, repeat=2)]
    options = [f"{invert}{option}" for invert, option in product(("", "! "), singles)] + pairs
    matches = [f"-m physdev {option}" for option in options]
    matches += [f"{invert}{device}" for invert, device in product(("", "! "), ("-i br0", "-i in0", "-i br+"))]
    if hook is Hook.FORWARD:
        matches += [f"{invert}{device}" for invert, device in product(("", "! "), ("-o br0", "-o out0"))]
    chain = load(bridge, engine, 4, "mangle", hook.upper(), matches)
    device = {entry.name: index for index, entry in bridge.ns.devices.items()}
    forward = hook is Hook.FORWARD
    try:
        before = bridge.counts(engine, 4)
        sent = replace(datagram("10.77.1.2", "10.77.1.9"), dst_mac=RECEIVER_MAC)
        bridge.send(sent)
        after = bridge.matched(engine, 4, before, len(before) - 1)
        ctx = RuleContext(
            stack=Stack(bridge.ns, Choices()),
            hook=hook,
            frame=sent,
            passage=Passage(
                iif=device["br0"], physin=device["in0"], physout=device["out0"] if forward else 0
            ),
            indev=device["br0"],
            outdev=device["br0"] if forward else 0,
        )
        assert not differences(chain, ctx, before, after)
    finally:
        bridge.load(engine, 4, "*mangle\nCOMMIT\n")
