"""Signals: the first one is raised, but not while something is cleaned up, and no later one is."""

import os
import signal
import subprocess
import sys

import pytest

from kubectl_skoop.collect.live.interrupts import SIGNALS, Interrupts


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_is_raised_and_the_second_is_not(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    with Interrupts():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
    assert "cleaning up" in capsys.readouterr().err


def test_one_that_comes_while_it_is_held_is_raised_afterwards() -> None:
    reached = []

    def cleaning_up() -> None:
        with Interrupts() as interrupts:
            interrupts.hold()
            os.kill(os.getpid(), signal.SIGTERM)
            reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        cleaning_up()
    assert reached


def test_the_handlers_are_those_of_before() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_the_third_leaves_at_once() -> None:
    code = (
        "import os, signal\n"
        "from kubectl_skoop.collect.live.interrupts import Interrupts\n"
        "with Interrupts() as interrupts:\n"
        "    interrupts.hold()\n"
        "    for _ in range(3): os.kill(os.getpid(), signal.SIGINT)\n"
        "    print('still here')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert "kubectl skoop cleanup" in done.stderr
