"""Where the parts of an answer lead: to tables, where a server shows them; nowhere in a file."""

from collections.abc import Callable
from typing import NamedTuple

from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.model.trace import Trace


class Links(NamedTuple):
    """Addresses; an empty one: nowhere."""

    place: Callable[[Place], str] = lambda place: ""
    """The tables of a place."""
    step: Callable[[Place, Trace], str] = lambda place, step: ""
    """The table that has a step's entry, marked."""
    finding: Callable[[Suspicion], str] = lambda finding: ""
    """The table that a finding is about."""
    code: Callable[[str], str] = lambda code: ""
    """The page that explains a finding's code."""
