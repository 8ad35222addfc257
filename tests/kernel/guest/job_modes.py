"""Runs inside the guest: labs of modes, whole and with each fault, collected and asked with packets."""

import pickle
import sys
from pathlib import Path

from kubectl_skoop.testing.breaking import apply
from kubectl_skoop.testing.comparing import observe_lab
from kubectl_skoop.testing.netns import LabError
from tests.kernel.guest.modes import QUIET, Lab, asked_of, folder_of


def main(folder: Path) -> None:
    labs: list[Lab] = pickle.loads((folder / "labs").read_bytes())
    for asked in labs:
        own = folder_of(folder, asked)
        own.mkdir(parents=True)
        (own / "told").write_bytes(pickle.dumps(told(asked, own)))


def told(asked: Lab, folder: Path) -> object:
    """The outcomes by flow; a text: why there was no lab."""
    fault = asked_of(asked)
    try:
        with asked.made() as lab:
            if fault is not None:
                apply(lab, fault)
            return observe_lab(lab, folder, fault, quiet=QUIET)[1]
    except LabError as error:
        return str(error)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
