"""The terminal: what may be printed in colour, and pipes that the reader has closed."""

import os
import sys
from typing import Literal

from kubectl_skoop.model.errors import SkoopError
from kubectl_skoop.report.escape import safe

ColorMode = Literal["auto", "always", "never"]


def use_color(mode: ColorMode) -> bool:
    """`auto`: on a terminal, unless NO_COLOR says otherwise (no-color.org)."""
    if mode == "auto":
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return mode == "always"


def emit(text: str) -> None:
    """Prints to standard output. A reader that has gone away (`| head`) is no error."""
    try:
        sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer goes nowhere when the interpreter flushes it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def report_error(message: str, hint: str = "") -> None:
    """One line on standard error, whatever the message holds."""
    print(f"error: {safe(message)}" + (f" ({safe(hint)})" if hint else ""), file=sys.stderr)


def report_warning(message: str) -> None:
    print(f"warning: {safe(message)}", file=sys.stderr)


def report_skoop_error(error: SkoopError) -> None:
    report_error(str(error), error.hint)


def report_cost(seconds: float) -> None:
    """For `--debug`: what the run took. Memory is the kernel's figure, of this process at its largest."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    # getrusage(2): kilobytes on Linux, bytes on macOS.
    memory = used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    processor = used.ru_utime + used.ru_stime
    print(
        f"debug: {seconds:.3f} s, {processor:.3f} s of the processor with start-up, {memory:.0f} MiB",
        file=sys.stderr,
    )
