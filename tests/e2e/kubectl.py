"""kubectl of the cluster's own version."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.errors import ClusterError

TIMEOUT = 300
"""Seconds for what has to settle on a busy machine: pods that start, nodes that become ready. Longer than any
`--timeout` that a command is given, so that it is the command that says what it waited for."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    program: Path
    kubeconfig: Path

    def __call__(self, *arguments: str, text: str = "", timeout: float = TIMEOUT) -> str:
        """What it printed.

        Raises:
            ClusterError: it failed, or did not end in time.
        """
        command = (str(self.program), f"--kubeconfig={self.kubeconfig}", *arguments)
        try:
            done = subprocess.run(
                command, input=text, capture_output=True, text=True, check=False, timeout=timeout
            )
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"kubectl {' '.join(arguments)}: no end after {timeout} s") from error
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, *arguments: str) -> Any:
        """An object or a list, as JSON."""
        return json.loads(self("get", *arguments, "-o", "json"))

    def apply(self, *objects: Mapping[str, Any] | str) -> None:
        """Objects, or YAML text."""
        for item in objects:
            self("apply", "-f", "-", text=item if isinstance(item, str) else json.dumps(item))
