"""`python3 -m kubectl_skoop.cli.in_pod FOLDER RUN UNTIL NAMESPACE OPTION…`: `snapshot` in the cluster.

The pod of `snapshot --in-cluster`. What has been read is on its volume, and a container that is started anew
goes on there. The file then waits to be fetched, until UNTIL; NAMESPACE, if it is not empty, is then removed.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from kubectl_skoop.cli import app
from kubectl_skoop.cli.outcome import outcome
from kubectl_skoop.collect.held import Place, sha256_of

_LOOK = 5.0
"""Seconds between two looks at the clock."""
_ENDED = 128 + signal.SIGTERM
"""Not 0: a pod that is taken away has not done its work."""


def main(folder: str, run: str, until: str, namespace: str, *words: str) -> int:
    """The exit code; but for 0 the cluster starts the container anew."""
    place = Place(Path(folder), run)
    if not place.file.exists():
        code = _gather(place, words)
        if not place.file.exists():
            return code
    if not place.whole.exists():
        _describe(place)
    shutil.rmtree(place.dumps, ignore_errors=True)
    signal.signal(signal.SIGTERM, _end)
    while time.time() < float(until):
        time.sleep(_LOOK)
    if namespace:
        from kubectl_skoop.collect.live.api import Api
        from kubectl_skoop.collect.live.kubeconfig import Access

        Api(Access()).delete(f"/api/v1/namespaces/{namespace}")
    return 0


def _gather(place: Place, words: Sequence[str]) -> int:
    place.dumps.mkdir(parents=True, exist_ok=True)
    owner = f"{os.environ['POD_NAME']}/{os.environ['POD_UID']}"
    here = ["--file", str(place.file), "--checkpoint", str(place.dumps), "--owner", owner]
    return app.main(["snapshot", *here, *words])


def _describe(place: Place) -> None:
    found = outcome(place.file)
    about = {
        "size": place.file.stat().st_size,
        "sha256": sha256_of(place.file),
        "collected": found.collected,
        "wanted": found.wanted,
        "gaps": found.gaps,
    }
    partial = place.whole.with_suffix(".partial")
    partial.write_text(json.dumps(about))
    partial.replace(place.whole)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(_ENDED)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
