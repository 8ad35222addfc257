"""The program as a shell runs it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("kubectl-skoop")


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


def skoop(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Ran:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SKOOP_")}
    done = subprocess.run(
        [PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**clean, **(env or {})},
        timeout=60,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
