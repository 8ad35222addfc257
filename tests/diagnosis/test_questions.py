"""Questions that stand for all, asked of two snapshots."""

import gc
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.diagnose import Desk
from kubectl_skoop.diagnosis.questions import (
    Comparison,
    ServiceQuestions,
    answer,
    compare,
    pair_questions,
)
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.walk.branch import Branch
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from tests.golden.cases import SNAPSHOTS


@pytest.fixture
def healthy() -> Iterator[Snapshot]:
    source = open_snapshot(SNAPSHOTS / "healthy-vxlan.skoop")
    yield source
    source.close()


def asked(before: Snapshot, name: str, pairs: int, most: int) -> Comparison:
    after = open_snapshot(SNAPSHOTS / f"{name}.skoop")
    try:
        return compare(before, after, lambda request: request, seed=3, pairs=pairs, most=most)
    finally:
        after.close()


def test_each_service_is_asked_from_one_pod_of_each_node(healthy: Snapshot) -> None:
    questions = list(ServiceQuestions(Cluster(healthy)))
    assert {one.source for one in questions} == {"pod/default/a", "pod/default/b"}
    assert len({(one.source, one.destination) for one in questions}) == len(questions) == 12


def test_pairs_are_the_same_for_a_seed_and_each_comes_once(healthy: Snapshot) -> None:
    cluster = Cluster(healthy)
    one, again, other = (list(pair_questions(healthy, cluster, random.Random(seed))) for seed in (1, 1, 2))
    assert one == again != other
    assert len({(pair.source, pair.destination) for pair in one}) == len(one) == 30
    assert {pair.protocol for pair in one} == {"icmp", "tcp"}


def test_another_answer_is_found(healthy: Snapshot) -> None:
    found = asked(healthy, "reply-lost", pairs=0, most=100)
    assert (found.services, found.possible, found.pairs, found.unanswered) == (12, 12, 0, 0)
    assert ("pod/default/a", "svc/default/web") in {
        (one.request.source, one.request.destination) for one in found.different
    }
    assert all(one.after != one.before for one in found.different)


def test_of_many_questions_a_sample_is_asked(healthy: Snapshot) -> None:
    found = asked(healthy, "healthy-vxlan", pairs=3, most=2)
    assert (found.services, found.possible, found.pairs, found.different) == (2, 12, 3, ())


def test_a_sample_has_all_services_and_all_senders_before_one_comes_again(healthy: Snapshot) -> None:
    questions = ServiceQuestions(Cluster(healthy))
    services = len({one.destination for one in questions})
    for seed in range(20):
        chosen = questions.sample(6, random.Random(seed))
        asked = [questions[at] for at in chosen]
        assert len(set(chosen)) == 6 == services
        assert len({one.destination for one in asked}) == services
        assert sorted(Counter(one.source for one in asked).values()) == [3, 3]


def test_a_question_leaves_nothing_to_a_search_for_cycles(healthy: Snapshot) -> None:
    """Which comes seldom: until then the namespaces on the way would stay, however few are to be kept."""
    desk = Desk(healthy, Options())
    asked = [*ServiceQuestions(desk.cluster), *pair_questions(healthy, desk.cluster, random.Random(1))]
    first = [answer(desk, one) for one in asked]
    gc.collect()
    gc.disable()
    try:
        before = branches()
        assert [answer(desk, one) for one in asked] == first
        assert branches() == before
    finally:
        gc.enable()


def branches() -> int:
    """That are there, in whoever's hands."""
    return sum(type(one) is Branch for one in gc.get_objects())


def test_what_was_read_of_the_first_is_gone_when_the_second_is_asked(healthy: Snapshot) -> None:
    views: dict[str, int] = {}

    def watch(asked: str, progress: str) -> None:
        views[asked] = sum(type(one) is Snapshot and one.file is healthy.file for one in gc.get_objects())

    with closing(open_snapshot(SNAPSHOTS / "healthy-vxlan.skoop")) as after:
        compare(healthy, after, lambda request: request, seed=3, pairs=3, most=2, watch=watch)
    assert views == {"the original": 2, "the new file": 1}
