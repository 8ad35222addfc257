"""Every target over its seeds, over what failed once, and a few mutations; `make fuzz-files` runs long."""

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from tests.fuzzing.kept import FOLDER, inputs_of, kept
from tests.fuzzing.listed import NAMES, load
from tests.fuzzing.plain import attempts
from tests.fuzzing.target import failure_of

ROOT = Path(__file__).parents[2]
KEPT = [(folder.name, file.name) for folder in sorted(FOLDER.iterdir()) for file in sorted(folder.iterdir())]


@pytest.mark.parametrize(("name", "reproducer"), KEPT, ids=[f"{name}-{which}" for name, which in KEPT])
def test_what_failed_once_is_taken_or_refused(name: str, reproducer: str) -> None:
    target = load(name)
    assert failure_of(target, kept(target)[reproducer]) is None


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_their_mutations_are_taken_or_refused(name: str) -> None:
    target = load(name)
    seeds = inputs_of(target)
    assert seeds
    for data in [*target.seeds(), *islice(attempts(target, seeds, seed=8), target.tried)]:
        assert failure_of(target, data) is None, data


SOME = """
from itertools import islice
from tests.fuzzing.kept import inputs_of
from tests.fuzzing.listed import NAMES, load
from tests.fuzzing.plain import attempts
for target in map(load, NAMES):
    print(list(islice(attempts(target, inputs_of(target), seed=8), target.tried)))
"""


def test_a_seed_gives_the_same_mutations_in_each_process() -> None:
    """Sets have another order in each."""
    first, second = (
        subprocess.Popen(
            (sys.executable, "-c", SOME),
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": number},
        )
        for number in "12"
    )
    assert first.communicate()[0] == second.communicate()[0]
    assert (first.returncode, second.returncode) == (0, 0)


def test_each_folder_of_reproducers_has_its_target() -> None:
    assert {folder.name for folder in FOLDER.iterdir()} <= {*NAMES}
