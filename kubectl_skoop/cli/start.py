"""The console script: the interpreter as a program needs it that ends soon."""

import gc
import os
import sys
from typing import NoReturn

GARBAGE_THRESHOLD = 1_000_000
"""Allocations between two searches for cycles: imports and a walk leave few."""


INTERRUPTED = 130


def main() -> NoReturn:
    """Ends without taking the interpreter apart, object by object: a tenth of a small diagnosis."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    try:
        # Only now, so that importing it is not interrupted by searches either.
        from kubectl_skoop.cli.app import main as run

        code = run()
    except KeyboardInterrupt:
        code = INTERRUPTED
    try:
        sys.stdout.flush()
    finally:
        os._exit(code)


def complete() -> NoReturn:
    """kubectl's door to the completion of a plugin: a program `kubectl_complete-skoop` on the PATH."""
    sys.argv[1:1] = ["__complete"]
    main()
