"""Every target over its seeds, over what failed once, and a few mutations; `make fuzz-files` runs long."""

from itertools import islice

import pytest

from tests.fuzzing.kept import FOLDER, inputs_of, kept
from tests.fuzzing.listed import NAMES, load
from tests.fuzzing.plain import attempts
from tests.fuzzing.target import failure_of

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


def test_each_folder_of_reproducers_has_its_target() -> None:
    assert {folder.name for folder in FOLDER.iterdir()} <= {*NAMES}
