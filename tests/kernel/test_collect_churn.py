"""Reading while the state changes: a dump is of one moment, or says that it is none."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.collect.sysctls import read_all
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.testing.netns import Namespace, create, delete, entered, lab_prefix

pytestmark = pytest.mark.kernel

ROUTES = 2000
CHURN = "".join(f"route {verb} 10.99.0.0/16 dev lo\n" for _ in range(50) for verb in ("add", "del"))
STABLE = "".join(f"route add 10.{n // 256}.{n % 256}.0/24 dev lo\n" for n in range(ROUTES))
DEVICES = "".join(
    f"link {verb} x0 {more}\n" for _ in range(20) for verb, more in (("add", "type veth"), ("del", ""))
)
RULES = "".join("add table inet t\nadd chain inet t c\ndelete table inet t\n" for _ in range(20))


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace(f"{lab_prefix()}churn")
    create((made.name,))
    try:
        made.run("ip", "link", "set", "lo", "up")
        yield made
    finally:
        delete((made.name,))


@contextmanager
def changing(change: Callable[[], object]) -> Iterator[None]:
    """`change` is repeated meanwhile."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            change()

    worker = threading.Thread(target=repeat)
    worker.start()
    try:
        time.sleep(0.05)
        yield
    finally:
        over.set()
        worker.join()


def test_no_route_is_missed_or_told_twice_while_others_come_and_go(namespace: Namespace) -> None:
    namespace.run("ip", "-batch", "-", text=STABLE)
    with changing(lambda: namespace.run("ip", "-batch", "-", text=CHURN)):
        dumps = [collect_node("n1", namespace.path, {}) for _ in range(5)]
    for dump in dumps:
        table = dump.namespaces[0].tables["routes"]
        assert table.state == "ok"
        assert isinstance(table.data, list)
        stable = [
            one["dst"] for one in table.data if one.get("dst_len") == 24 and one["dst"].startswith("10.")
        ]
        assert len(stable) == len(set(stable)) == ROUTES


def test_a_device_that_goes_away_takes_its_settings_only(namespace: Namespace) -> None:
    with changing(lambda: namespace.run("ip", "-batch", "-", text=DEVICES)), entered(namespace.path):
        found = [read_all() for _ in range(100)]
    assert all("net.ipv4.conf.lo.forwarding" in one.values and not one.unread for one in found)


def test_rules_that_change_under_the_reader_are_of_one_generation_or_failed(namespace: Namespace) -> None:
    with changing(lambda: namespace.run("nft", "-f", "-", text=RULES)):
        dumps = [collect_node("n1", namespace.path, {}) for _ in range(5)]
    for dump in dumps:
        tables = dump.namespaces[0].tables
        assert consistent(tables["nft_raw"]), tables["nft_raw"]


def consistent(raw: Table) -> bool:
    if raw.state == "failed":
        return "changed at each of" in raw.reason
    assert isinstance(raw.data, dict)
    return bool(raw.data["generation_before"] == raw.data["generation_after"])
