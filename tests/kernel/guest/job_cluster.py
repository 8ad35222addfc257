"""Runs inside the guest: each cluster is built, broken, collected by our agent, and asked."""

import pickle
import sys
from pathlib import Path

from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.comparing import observe
from kubectl_skoop.testing.netns import LabError
from tests.kernel.guest.clusters import Case

QUIET = 1.0
"""Seconds without any event after which the rest counts as lost: the guest is slower than its host."""


def main(folder: Path) -> None:
    for number, case in enumerate(pickle.loads((folder / "cases").read_bytes())):
        own = folder / str(number)
        own.mkdir()
        (own / "told").write_bytes(pickle.dumps(told(case, own)))


def told(case: Case, folder: Path) -> object:
    """What was observed; a text: why the lab could not be built."""
    try:
        with case.lab() as lab:
            if case.fault is not None:
                run_steps(lab, case.fault.steps)
            return observe(lab, folder, case.fault, quiet=QUIET)
    except LabError as error:
        return str(error)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
