"""What larger packets and cold neighbours would meet is known without walking them where nothing asks."""

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import NamedTuple, cast

import pytest

from kubectl_skoop.diagnosis.cause import passes
from kubectl_skoop.diagnosis.diagnose import Desk, diagnose
from kubectl_skoop.diagnosis.extension.interface import InfraShim
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.diagnosis.walk import asking
from kubectl_skoop.diagnosis.walk.asking import Lessons, Question
from kubectl_skoop.diagnosis.walk.branch import Branch
from kubectl_skoop.diagnosis.walk.flow import Conversation
from kubectl_skoop.diagnosis.walk.outside import Outside
from kubectl_skoop.diagnosis.walk.shim import Underlay
from kubectl_skoop.diagnosis.walk.walk import Walk
from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_REACHABLE, Neighbour, NeighbourTable
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.reliance import Remembered
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot

ROOT = Path(__file__).parents[2]
SNAPSHOTS = ROOT / "snapshots"
FLOW = Request(source="pod/default/a", destination="pod/default/b", port="8080")
PLACES = (Place("pod", "default/a"), Place("node", "n1"), Place("node", "n2"), Place("pod", "default/b"))
SOMEONE = Remembered("n1/1", 2, IPv4Address(2))
MTUS = (1300, 576)
BY_LENGTH = {
    "iptables length": "-m length --length 1000:65535 -j DROP",
    "iptables length, small ones": "-m length --length 100:200 -j DROP",
    "iptables length, bare segments": "-m length --length 0:60 -j RETURN",
    "iptables quota": "-m quota ! --quota 1000 -j DROP",
    "iptables u32": '-m u32 --u32 "0x0&0xffff=0x3e8:0xffff" -j DROP',
    "iptables string": "-m string --string x --algo bm --to 65535 -j DROP",
    "iptables connbytes": "-m connbytes --connbytes 1000 --connbytes-mode bytes --connbytes-dir both -j DROP",
}
NATIVE: dict[str, dict[str, object]] = {
    "nft meta length": {"meta": {"key": "length"}},
    "nft ip length": {"payload": {"protocol": "ip", "field": "length"}},
}


@dataclass
class Changed:
    """A shipped snapshot with other namespaces."""

    shipped: Snapshot
    places: Mapping[Place, NetworkNamespace]

    def __getattr__(self, name: str) -> object:
        return getattr(self.shipped, name)

    def namespace(self, place: Place) -> NetworkNamespace | NotCollected:
        return self.places.get(place) or self.shipped.namespace(place)

    def namespace_by_id(self, identity: str) -> NetworkNamespace | NotCollected:
        own = next((ns for ns in self.places.values() if ns.id == identity), None)
        return own or self.shipped.namespace_by_id(identity)


@pytest.fixture(scope="module")
def shipped() -> Iterator[Snapshot]:
    with closing(open_snapshot(str(SNAPSHOTS / "healthy-vxlan.skoop"))) as source:
        yield source


def at(shipped: Snapshot, place: Place) -> NetworkNamespace:
    found = shipped.namespace(place)
    assert not isinstance(found, NotCollected)
    return found


def both(shipped: Snapshot, *changed: NetworkNamespace) -> Diagnosis:
    """The answer, which is the same as if all was walked from the start."""
    source = cast(Snapshot, Changed(shipped, {ns.place: ns for ns in changed}))
    answer = diagnose(source, FLOW, Options())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "works_throughout", lambda probe, ways, size: False)
        assert diagnose(source, FLOW, Options()) == answer
    return answer


@pytest.fixture
def walked_on(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many frames each connection that went on took for it."""
    go_on, frames = Conversation.go_on, []

    def counted(conversation: Conversation, segment: int) -> object:
        branch = go_on(conversation, segment)
        frames.append(len(branch.links) if branch else -1)
        return branch

    monkeypatch.setattr(Conversation, "go_on", counted)
    return frames


def with_mtu(ns: NetworkNamespace, index: int, mtu: int) -> NetworkNamespace:
    return replace(ns, devices={**ns.devices, index: replace(ns.devices[index], mtu=mtu)})


def test_with_room_for_full_segments_none_is_walked(shipped: Snapshot, walked_on: list[int]) -> None:
    assert both(shipped).headline == "reachable"
    assert walked_on == [0]


@pytest.mark.parametrize("mtu", MTUS)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_device_with_less_room_is_found(shipped: Snapshot, place: Place, mtu: int) -> None:
    """A pod that has less itself says so in the handshake."""
    ns = at(shipped, place)
    devices = [device.index for device in ns.devices.values() if not device.loopback]
    heads = {both(shipped, with_mtu(ns, index, mtu)).headline for index in devices}
    assert any("bytes are lost" in head for head in heads) == (place.kind == "node")


def rules(shipped: Snapshot, place: Place, text: str = "", nft: object = None) -> NetworkNamespace:
    """With conntrack counting, as it does where a rule asks (nf_ct_set_acct)."""
    chains = ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]"
    loaded = load_netfilter(
        iptables_legacy=None,
        ip6tables_legacy=None,
        iptables_nft=f"*filter\n{chains}\n{text}\nCOMMIT\n" if text else None,
        ip6tables_nft=None,
        nft=nft,
        nft_raw=None,
        hook_order=None,
        gaps={},
    )
    ns = at(shipped, place)
    counting = {**ns.sysctls.values, "net.netfilter.nf_conntrack_acct": "1"}
    return replace(ns, netfilter=loaded, sysctls=ns.sysctls._replace(values=counting))


@pytest.mark.parametrize("rule", BY_LENGTH.values(), ids=BY_LENGTH)
def test_a_rule_that_asks_for_the_length_is_walked(
    shipped: Snapshot, rule: str, walked_on: list[int]
) -> None:
    for node in PLACES[1:3]:
        both(shipped, rules(shipped, node, f"-A FORWARD {rule}"))
    assert 0 not in walked_on


@pytest.mark.parametrize("asked", NATIVE.values(), ids=NATIVE)
def test_so_is_one_of_nftables(shipped: Snapshot, asked: dict[str, object]) -> None:
    match = {"match": {"op": ">", "left": asked, "right": 1000}}
    nft: dict[str, Sequence[object]] = {
        "nftables": [
            {"table": {"family": "ip", "name": "t", "handle": 1}},
            {
                "chain": {
                    "family": "ip",
                    "table": "t",
                    "name": "c",
                    "handle": 1,
                    "type": "filter",
                    "hook": "forward",
                    "prio": 0,
                    "policy": "accept",
                }
            },
            {
                "rule": {
                    "family": "ip",
                    "table": "t",
                    "chain": "c",
                    "handle": 2,
                    "expr": [match, {"drop": None}],
                }
            },
        ]
    }
    answer = both(shipped, rules(shipped, PLACES[1], nft=json.loads(json.dumps(nft))))
    assert answer.headline == "reachable, but packets above 1000 bytes are lost"


@pytest.fixture(scope="module")
def remembering(shipped: Snapshot) -> Mapping[Place, NetworkNamespace]:
    """The places of the flow, all neighbours being in the tables as they are after it."""
    found: dict[Place, NetworkNamespace] = {}
    with pytest.MonkeyPatch.context() as patch:
        go_on = Conversation.go_on

        def after(conversation: Conversation, segment: int) -> object:
            for stack in conversation.walk.branch.stacks.values():
                learned = [
                    Neighbour(address=address, device=device, mac=mac, state=NUD_REACHABLE)
                    for (device, address), mac in stack.neighbours.items()
                ]
                found[stack.ns.place] = replace(stack.ns, neighbours=(*stack.ns.neighbours, *learned))
            return go_on(conversation, segment)

        patch.setattr(Conversation, "go_on", after)
        diagnose(shipped, FLOW, Options())
    return found


def test_neighbours_that_answer_need_no_more_than_to_be_asked(
    shipped: Snapshot, remembering: Mapping[Place, NetworkNamespace], walked_on: list[int]
) -> None:
    answer = both(shipped, *remembering.values())
    assert (answer.headline, answer.suspicions) == ("reachable", ())
    assert walked_on == [0]


@pytest.mark.parametrize(
    ("place", "found"),
    [(PLACES[0], False), (PLACES[1], True), (PLACES[2], True), (PLACES[3], True)],
    ids=["the sender, who asks first", "its node", "the other node", "the receiver"],
)
def test_a_neighbour_that_does_not_answer_is_found(
    shipped: Snapshot, remembering: Mapping[Place, NetworkNamespace], place: Place, found: bool
) -> None:
    ns = remembering[place]
    values = {**ns.sysctls.values, "net.ipv4.conf.all.arp_ignore": "8"}
    changed = {**remembering, place: replace(ns, sysctls=ns.sysctls._replace(values=values))}
    answer = both(shipped, *changed.values())
    assert answer.headline == "reachable"
    assert any("until the neighbour entry expires" in one.message for one in answer.suspicions) == found


class Asking(NamedTuple):
    """What a desk's flows did for their neighbours."""

    walked: list[Remembered]
    """Questions, each time that one was walked."""
    learned: list[Mapping[str, object]]
    """By the stacks of each flow, in the end."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asking:
    found, put, go_on = Asking([], []), asking._put, Conversation.go_on

    def noted(walk: Walk, one: Remembered, source: Address) -> None:
        found.walked.append(one)
        put(walk, one, source)

    def after(conversation: Conversation, segment: int) -> object:
        branch = go_on(conversation, segment)
        assert branch is not None
        stacks = [stack for stack in branch.stacks.values() if stack.neighbours or stack.fdb]
        used = [stack.node_neighbours.used for stack in stacks]
        found.learned.append({stack.ns.id: (stack.neighbours, stack.fdb) for stack in stacks} | {"": used})
        return branch

    monkeypatch.setattr(asking, "_put", noted)
    monkeypatch.setattr(Conversation, "go_on", after)
    return found


def test_a_desk_puts_a_question_once(
    shipped: Snapshot,
    remembering: Mapping[Place, NetworkNamespace],
    asked: Asking,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What each flow learns of it is the same as if it had asked itself."""
    desk = Desk(cast(Snapshot, Changed(shipped, remembering)), Options())
    first = desk.answer(FLOW)
    walked = list(asked.walked)
    assert desk.answer(FLOW) == first
    assert walked == asked.walked != []
    monkeypatch.setattr(asking, "_apart", lambda walk, one, source: None)
    assert desk.answer(FLOW) == first
    assert asked.walked == [*walked, *walked]
    apart, again, itself = asked.learned
    assert apart == again == itself != {}


@pytest.mark.parametrize(
    ("tables", "times"),
    [({}, 1), ({4: NeighbourTable(entries=2, target=512, most=1024)}, 3)],
    ids=["no table is known", "a2 makes an entry for a"],
)
def test_one_that_takes_room_in_a_table_is_put_by_each_flow(
    shipped: Snapshot, asked: Asking, tables: Mapping[int, NeighbourTable], times: int
) -> None:
    """How much room there is depends on what the flow itself took. The first is put apart."""
    places = [PLACES[0], PLACES[1], Place("pod", "default/a2")]
    a, node, a2 = (replace(at(shipped, place), neighbour_tables=tables) for place in places)
    source = cast(Snapshot, Changed(shipped, {ns.place: ns for ns in (a, node, a2)}))
    own, wanted = ([*ns.local_addresses.values()][-1] for ns in (a, a2))
    one = Remembered(a.id, own.device, wanted.address)
    underlay, outside = Underlay(InfraShim(), lambda name: None), Outside(lambda address: "external")
    lessons: Lessons = {}
    for _ in range(2):
        world = World(source, lambda address: None, lessons=lessons)
        branch = Branch(world, Choices(), cold=True)
        branch.stack(a)
        asking.ask(Walk(branch, underlay, outside), one, own.address)
        assert (own.device, wanted.address) in branch.stack(a).neighbours
    assert asked.walked == [one] * times


def test_in_a_mended_state_it_is_put_anew(shipped: Snapshot) -> None:
    world = World(shipped, lambda address: None, lessons={Question(SOMEONE, IPv4Address(1)): None})
    assert world.with_mended(at(shipped, PLACES[1])).lessons == {}


PASSED_ON = {
    "devices/geneve.py": "the outer packet is longer by a constant",
    "devices/ip6_tunnel.py": "the same",
    "devices/ip_tunnel.py": "the same",
    "devices/vxlan.py": "the same",
    "devices/ip6_tunnel_error.py": "about a packet that was lost",
    "devices/link_reject.py": "the same",
    "l4/icmp.py": "errors, and answers to an echo",
    "l4/tcp.py": "more than a bare ACK, which larger ones are, too",
    "l4/udp.py": "the length of an answer",
    "fragment.py": "of what did not fit",
    "netfilter/octets.py": "rules that ask for bytes have noted it",
    "xfrm/sealing.py": "ipsec_send has noted it",
}
"""Modules of `netstack` that read a packet's length and need not note it, and why."""


def test_what_reads_the_length_notes_it() -> None:
    netstack = ROOT / "kubectl_skoop" / "netstack"
    silent = set()
    for path in netstack.rglob("*.py"):
        read = [
            node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)
        ]
        notes = any(
            node.attr == "reliance" or (node.attr == "length" and ast.unparse(node.value) == "ctx")
            for node in read
        )
        if any(node.attr == "length" for node in read) and not notes:
            silent.add(str(path.relative_to(netstack)))
    assert silent <= PASSED_ON.keys()
    assert {name for name in PASSED_ON if not (netstack / name).is_file()} == set()
