"""The program, in this process or as a shell runs it."""

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from kubectl_skoop.cli import app

PROGRAM = Path(sys.executable).with_name("kubectl-skoop")


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


NOBODYS_HOME = "/nonexistent"


def skoop(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Ran:
    """In this process; of the environment only what is given counts."""
    out, err = io.StringIO(), io.StringIO()
    with patch.dict(os.environ, _environment(env), clear=True), redirect_stdout(out), redirect_stderr(err):
        code = app.main([str(argument) for argument in arguments])
    return Ran(int(code), out.getvalue(), err.getvalue())


def shell(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
) -> Ran:
    """As a process of its own."""
    done = subprocess.run(
        [PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(env),
        cwd=cwd,
        input=stdin,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """Without the developer's own cluster."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SKOOP_", "KUBECONFIG", "KUBERNETES_", "XDG_CONFIG_HOME"))
    }
    return {**kept, "HOME": NOBODYS_HOME, **(extra or {})}
