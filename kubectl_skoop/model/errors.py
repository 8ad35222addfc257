"""Errors that reach the user.

SkoopError
├── InputError          the request or its input is wrong (exit 2)
│   ├── UnknownName     no such pod, service or node; names the nearest
│   └── FormatError     a file that is not what it should be, with the place in it
└── NoVerdict           nothing can be said (exit 3)
    └── SectionDamaged  a part of a snapshot that cannot be read; the others can
"""


class SkoopError(Exception):
    """One line for the user. `hint` says what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class InputError(SkoopError):
    """The request or its input is wrong."""


class UnknownName(InputError):
    """A pod, service, node, plugin … that does not exist."""


class FormatError(InputError):
    """Input that cannot be parsed; the message begins with where (`rules.txt:17: …`, `$.routes[3]: …`)."""


class NoVerdict(SkoopError):
    """The question is fine, the data to answer it is not there."""


class SectionDamaged(NoVerdict):
    """A snapshot section that cannot be read."""
