"""What the shell is told, whatever the output format."""

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    """Reachable, or nothing found."""
    FINDINGS = 1
    """Not reachable or only partly; findings; differences."""
    INPUT = 2
    """The request or its input is wrong."""
    NO_VERDICT = 3
    """Nothing can be said: unknown, not collected, lost."""
    BUG = 4
    INTERRUPTED = 130
