"""The tool as a user runs it: a process with a kubeconfig."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.collector_image import NAME
from tests.e2e.flow import Flow, Place

PROGRAM = Path(sys.executable).with_name("kubectl-skoop")
IMAGE = ("--image", NAME, "--image-pull-policy", "Never")
TIMEOUT = 300
POD_WAIT = 20
"""Seconds in which each collector runs that can, where others cannot and are waited for in vain."""


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Skoop:
    """`live` and `collecting` ask the cluster, `offline` must do without."""

    kubeconfig: Path
    program: Path = PROGRAM

    def live(self, *words: str | Path) -> Ran:
        return self.offline(*words, "--kubeconfig", self.kubeconfig)

    def collecting(self, *words: str | Path) -> Ran:
        """With the image that the nodes have."""
        return self.live(*words, *IMAGE)

    def start(self, *words: str | Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.program, *words, "--kubeconfig", self.kubeconfig, *IMAGE],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(),
        )

    def offline(self, *words: str | Path) -> Ran:
        done = subprocess.run(
            [self.program, *words],
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
            timeout=TIMEOUT,
        )
        return Ran(done.returncode, done.stdout, done.stderr)


def question(flow: Flow, source: Place, target: Place) -> Sequence[str]:
    """The words of `diagnose` for a flow."""
    words = ["diagnose", "-s", source.reference, "-d", target.reference, "-p", str(flow.port)]
    words += ["--protocol", flow.protocol]
    if flow.size:
        words += ["--size", str(min(flow.size, 1500))]
    return [*words, "--source-port", str(flow.source_port)] if flow.source_port else words


def _environment() -> dict[str, str]:
    """Without a cluster of the developer's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SKOOP_", "KUBECONFIG", "KUBERNETES_", "XDG_CONFIG_HOME"))
    }
    return {**kept, "HOME": "/nonexistent"}
