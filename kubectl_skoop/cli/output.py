"""The terminal: what may be printed in colour, and pipes that the reader has closed."""

import io
import os
import shutil
import sys
from typing import Literal

from kubectl_skoop.model.errors import InputError, SkoopError
from kubectl_skoop.report.escape import safe

_ASCII = {ord("→"): "->", ord("…"): "..."}
"""Signs of our own that not every terminal shows; what else there is becomes an escape sequence."""

ColorMode = Literal["auto", "always", "never"]

CLEAR_LINE = "\r\x1b[K"


def use_color(mode: ColorMode) -> bool:
    """`auto`: on a terminal, unless NO_COLOR says otherwise (no-color.org)."""
    if mode == "auto":
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return mode == "always"


def columns() -> int:
    """Of the terminal that is printed to; 0: it is none, nothing is wrapped."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def emit(text: str, *, document: bool = False) -> None:
    """Prints to standard output. A reader that has gone away (`| head`) is no error, a full disk is.

    A `document` is for programs: UTF-8, whatever the locale. What people read is ASCII, if that is all
    that the locale has.

    Raises: InputError.
    """
    if document and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    elif not document and not _shows_unicode():
        text = text.translate(_ASCII).encode("ascii", "backslashreplace").decode()
    try:
        sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer goes nowhere when the interpreter flushes it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            reason = (error.strerror or "it cannot be written").lower()
            raise InputError(f"standard output: {reason}") from error


def _shows_unicode() -> bool:
    """In the locale C Python itself takes UTF-8 (PEP 538, 540); by LC_ALL the user insists on it."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return encoding.lower().replace("-", "") == "utf8" and os.environ.get("LC_ALL") not in ("C", "POSIX")


def report_error(message: str, hint: str = "") -> None:
    """One line on standard error, whatever the message holds."""
    print(f"error: {safe(message)}" + (f" ({safe(hint)})" if hint else ""), file=sys.stderr)


def report_warning(message: str) -> None:
    print(f"warning: {safe(message)}", file=sys.stderr)


def report_note(message: str) -> None:
    """On a terminal it takes the place of the line of progress."""
    clear = CLEAR_LINE if sys.stderr.isatty() else ""
    print(f"{clear}note: {safe(message)}", file=sys.stderr, flush=True)


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
