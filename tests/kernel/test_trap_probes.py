"""What the probes of a trap lab tell does not depend on how often the kernel wakes them."""

import select

import pytest

from kubectl_skoop.testing.netns import entered
from kubectl_skoop.testing.trap_flow import parse_flow
from kubectl_skoop.testing.trap_lab import trap_lab
from kubectl_skoop.testing.trap_networks import ROUTED
from kubectl_skoop.testing.trap_probes import Client, ask

pytestmark = pytest.mark.kernel


def test_a_client_that_is_woken_once_more_tells_the_first_error() -> None:
    with trap_lab(ROUTED, "b: no-listeners") as lab:
        with entered(lab.namespaces["a"].path):
            client = Client(parse_flow("a tcp 10.2.0.2"))
        with client.socket:
            select.select([client.socket], [], [], 5)
            for _ in range(2):
                list(client.step())
            assert str(client.told([], alone=True)) == "connection refused"


def test_an_answer_that_the_socket_takes_piece_by_piece_is_sent_to_its_end() -> None:
    small = "a: sysctl net.ipv4.tcp_rmem=4096 4096 4096\nb: sysctl net.ipv4.tcp_wmem=4096 4096 4096"
    with trap_lab(ROUTED, small) as lab:
        assert ask(lab, [parse_flow("a tcp 10.2.0.2 bulk")]) == ["answer, b sees 10.1.0.2"]
