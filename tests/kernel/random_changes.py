"""A lab with some random changes, and which of them a difference needs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.netns import LabError, await_each
from tests.kernel.random_edits import random_edit
from tests.kernel.random_ground import Ground

CHANGES = 3
"""At most, in one lab."""
TRIES = 8
FEW = 100
"""Below so many flows one that is unknown says nothing of its share."""
OF_THE_NETWORK = "(it is set NOARP): whether the network between the nodes takes that is not known"
"""A doubt that no state of a node settles: the lab's router decides it, and each cloud for itself."""


@dataclass(slots=True)
class Tally:
    """How many flows were asked, and of how many the tool said that it does not know."""

    flows: int = 0
    unknown: int = 0
    of_the_network: int = 0
    """Further ones, for that doubt."""

    def count(self, diagnosis: Diagnosis) -> None:
        self.flows += 1
        if diagnosis.verdict == "unknown":
            doubts_network = diagnosis.cause is not None and OF_THE_NETWORK in diagnosis.cause.message
            self.of_the_network += doubts_network
            self.unknown += not doubts_network

    def check(self) -> None:
        """Fails where a hundredth of the flows or more are unknown."""
        open_to_it = f", {self.of_the_network} that the network decides" if self.of_the_network else ""
        print(f"{self.flows} flows, {self.unknown} unknown{open_to_it}")
        assert self.flows < FEW or self.unknown * 100 < self.flows


def change(random: Random, ground: Ground) -> list[str]:
    """The steps that were carried out; some that are drawn are refused."""
    done: list[str] = []
    wanted = random.randint(1, CHANGES)
    for _ in range(TRIES):
        step = random_edit(random, ground)
        try:
            run_steps(ground.lab, [step])
        except (LabError, OSError):
            continue
        done.append(step)
        if len(done) == wanted:
            break
    await_each(ground.lab.namespaces.values())
    return done


def smallest(steps: Sequence[str], differs: Callable[[Sequence[str]], Iterable[object]]) -> Sequence[str]:
    """Of the steps those without which there is no difference."""
    needed = list(steps)
    for step in steps:
        fewer = [each for each in needed if each != step]
        if any(True for _ in differs(fewer)):
            needed = fewer
    return needed
