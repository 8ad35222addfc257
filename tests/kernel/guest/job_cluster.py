"""Runs inside the guest: each cluster is built, broken, collected by our agent, and asked."""

import pickle
import sys
from pathlib import Path

from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.comparing import observe
from kubectl_skoop.testing.netns import LabError
from kubectl_skoop.testing.probes import QUIET
from tests.kernel.guest.clusters import Case


def main(folder: Path) -> None:
    slower, cases = pickle.loads((folder / "cases").read_bytes())
    for number, case in enumerate(cases):
        own = folder / str(number)
        own.mkdir()
        (own / "told").write_bytes(pickle.dumps(told(case, own, QUIET * slower)))


def told(case: Case, folder: Path, quiet: float) -> object:
    """What was observed; a text: why the lab could not be built."""
    try:
        with case.lab() as lab:
            if case.fault is None:
                lab.acquaint()
            else:
                run_steps(lab, case.fault.steps)
            return observe(lab, folder, case.fault, quiet=quiet)
    except LabError as error:
        return str(error)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
