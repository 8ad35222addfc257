"""The program: runs a command, turns errors into one line and an exit code."""

import errno
import io
import os
import sys
import time
from collections.abc import Sequence
from typing import Annotated

import typer
import typer.main

from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.group import HELP, LazyGroup
from kubectl_skoop.cli.old_flags import new_form
from kubectl_skoop.cli.output import report_cost, report_error, report_skoop_error
from kubectl_skoop.model.errors import NoVerdict, SkoopError

PROGRAM = "kubectl skoop"
COMPLETE = "__complete"
"""First word of what a shell or kubectl asks when the tab key is pressed."""
CONNECTIVITY = "__connectivity"
"""First word of what `serve` has another process do, as `web.connecting` has it."""

app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": HELP},
)


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error, and what the run took.")
    ] = False,
) -> None:
    """Would this packet arrive, and if not, which setting on which hop stops it?

    Exit codes: 0 reachable or nothing found, 1 not reachable or findings, 2 wrong request or input,
    3 no verdict, 4 a bug of this tool, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code. `--debug` may stand anywhere on the command line, as kubectl's global flags do."""
    _open_what_is_closed()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == [COMPLETE]:
        from kubectl_skoop.cli.complete import answer

        print(answer(words[1:]))
        return ExitCode.OK
    debug = "--debug" in words
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    began = time.monotonic()
    try:
        if words[:1] == [CONNECTIVITY]:
            from kubectl_skoop.web.connecting import write

            write(words[1])
            return ExitCode.OK
        code = typer.main.get_command(app).main(
            [word for word in words if word != "--debug"] or ["--help"],
            prog_name=PROGRAM,
            standalone_mode=False,
        )
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except Exception as error:
        # The last resort: whatever it is, the user sees one line.
        if debug:
            raise
        return _report(error)
    finally:
        if debug:
            report_cost(time.monotonic() - began)
    return code if isinstance(code, int) else ExitCode.OK


def _open_what_is_closed() -> None:
    """Where the shell closed a stream (`>&-`), Python has None for it."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


def _report(error: Exception) -> ExitCode:
    match error:
        case SkoopError() if hint := new_form(str(error)):
            report_error(str(error), hint)
            return ExitCode.INPUT
        case SkoopError():
            report_skoop_error(error)
            return ExitCode.NO_VERDICT if isinstance(error, NoVerdict) else ExitCode.INPUT
        case typer.TyperException():
            message = error.format_message().rstrip(".")
            asked = getattr(error, "ctx", None)
            command = asked.command_path if asked is not None else PROGRAM
            hint = new_form(message, before_command=command == PROGRAM)
            report_error(message, hint or f"see '{command} --help'")
            return ExitCode.INPUT
        case OSError(filename=str(name), strerror=str(reason)):
            report_error(f"{name}: {reason}")
            return ExitCode.INPUT
        case OSError(errno=errno.ENOSPC, strerror=str(reason)):
            report_error(reason.lower())
            return ExitCode.INPUT
        case _:
            report_error(
                f"a bug of {PROGRAM}: {type(error).__name__}: {error}", "run with --debug and report it"
            )
            return ExitCode.BUG
