"""The program as a user runs it, in this process: what it may print and how it may end."""

from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from kubectl_skoop.cli import app
from kubectl_skoop.cli.exit_code import ExitCode
from tests.cli.run import skoop
from tests.fuzzing.printed import check_printed

INSTRUMENTING = "INFO: Instrumenting "
"""What atheris prints of a module that is loaded for the first time."""
MOST_LINES = 5
"""On standard error: one, and what a command notes on its way."""


def check_ran(words: Sequence[str | Path], env: Mapping[str, str] | None = None) -> None:
    """Raises: what the program takes for a bug of its own; Unprintable; AssertionError."""
    ran = skoop(*words, env=env)
    told = [line for line in ran.err.splitlines() if not line.startswith(INSTRUMENTING)]
    if ran.code == ExitCode.BUG:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            app.main([*map(str, words), "--debug"])
    assert ran.code in (ExitCode.OK, ExitCode.FINDINGS, ExitCode.INPUT, ExitCode.NO_VERDICT), ran
    check_printed(ran.out)
    check_printed(ran.err)
    assert len(told) <= MOST_LINES, ran.err
    assert bool(told) or ran.code != ExitCode.INPUT
