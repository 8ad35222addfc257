"""What a question about an open snapshot costs: one walk, wishes that are compared once."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.cause.wished import _alike
from kubectl_skoop.diagnosis.diagnose import Desk
from kubectl_skoop.diagnosis.extension.interface import Passing
from kubectl_skoop.diagnosis.extension.node import BasePluginNode
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.walk.flow import FlowResult, Runner, Setting
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.source import open_snapshot

SNAPSHOTS = Path(__file__).parents[2] / "snapshots"
FLOW = Request(source="pod/default/a", destination="pod/default/b", port="8080")


Open = Callable[[str], Desk]


@pytest.fixture
def desk() -> Iterator[Open]:
    """By the name of a snapshot."""
    with ExitStack() as opened:

        def at(name: str) -> Desk:
            return Desk(
                opened.enter_context(closing(open_snapshot(str(SNAPSHOTS / f"{name}.skoop")))), Options()
            )

        yield at


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Setting, FlowResult]]:
    """The walks, as they are made."""
    run, done = Runner.run, []

    def recorded(runner: Runner, *arguments: object) -> FlowResult:
        result = run(runner, *arguments)  # type: ignore[arg-type]
        done.append((arguments[1], result))
        return result

    monkeypatch.setattr(Runner, "run", recorded)
    return done  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("snapshot", "settings"),
    [
        pytest.param(
            "healthy-vxlan", {Setting()}, id="all is well: large packets are said in the connection"
        ),
        pytest.param(
            "large-packets-lost",
            {Setting(), Setting(full=True), Setting(cold=True)},
            id="something is not: each is walked by itself",
        ),
    ],
)
def test_what_a_flow_that_works_is_walked_for(
    desk: Open, snapshot: str, settings: set[Setting], walked: list[tuple[Setting, FlowResult]]
) -> None:
    desk(snapshot).answer(FLOW)
    assert {setting._replace(segment=0) for setting, _ in walked} >= settings
    assert (len(walked) == 1) == (settings == {Setting()})


def test_what_is_said_on_is_in_no_record(desk: Open, walked: list[tuple[Setting, FlowResult]]) -> None:
    """Questions for cold neighbours come to pods that the flow itself does not."""
    asked = desk("healthy-vxlan")
    asked.answer(FLOW)
    branch = walked[0][1].branch
    assert not branch.cold
    alone = asked.fate(FLOW)
    other = walked[1][1].branch
    assert alone.verdict == "reachable"
    assert [len(branch.visits), len(branch.links)] == [len(other.visits), len(other.links)]
    assert (branch.stacks.keys(), branch.assumptions) == (other.stacks.keys(), other.assumptions)
    assert all(stack.cold for stack in branch.stacks.values())


def test_a_learned_path_mtu_says_that_all_is_to_be_walked_by_itself(
    desk: Open, walked: list[tuple[Setting, FlowResult]], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Stack.__init__

    def learned(stack: Stack, *arguments: object, **fields: object) -> None:
        begin(stack, *arguments, **fields)  # type: ignore[arg-type]
        stack.pmtu[next(iter(stack.ns.local_addresses))] = 1400

    monkeypatch.setattr(Stack, "__init__", learned)
    desk("healthy-vxlan").answer(FLOW)
    assert len(walked) > 1


def test_a_place_is_asked_once_whatever_the_number_of_questions(
    desk: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    always = BasePluginNode.always

    def counted(node: BasePluginNode) -> object:
        asked[node.place.name] += 1
        return always(node)

    monkeypatch.setattr(BasePluginNode, "always", counted)
    open_desk = desk("healthy-vxlan")
    first = open_desk.answer(FLOW)
    assert open_desk.answer(FLOW) == first
    assert asked == {"n1": 1, "n2": 1}


def test_the_second_question_finds_what_the_first_did(desk: Open) -> None:
    open_desk = desk("vtep-mac-changed")
    first, second = open_desk.answer(FLOW), open_desk.answer(FLOW)
    assert first == second
    assert first.cause is not None


def test_packets_of_a_connection_are_alike_where_they_came_and_went_the_same_way() -> None:
    packet = Packet(src=..., dst=..., protocol=Protocol.TCP)  # type: ignore[arg-type]
    passing = Passing(upstream=None, arrived=packet, left=(packet,))
    later = replace(packet, length=1500, ttl=63, flags=packet.flags)
    assert _alike(passing) == _alike(Passing(None, later, (later,)))
    for other in (
        replace(packet, dport=1),
        replace(packet, protocol=Protocol.UDP),
        replace(packet, inner=packet),
    ):
        assert _alike(passing) != _alike(Passing(None, other, (packet,)))
    assert _alike(passing) != _alike(Passing(None, packet, ()))
