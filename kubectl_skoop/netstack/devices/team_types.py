"""Options of a team device (struct team_option)."""

from collections.abc import Mapping
from typing import NamedTuple

NO_MODE = "*NOMODE*"


class TeamPort(NamedTuple):
    """What was set for one port."""

    enabled: bool = True
    user_link: bool | None = None
    """What a daemon says of its link; None: it leaves that to the kernel."""


class Team(NamedTuple):
    mode: str = NO_MODE
    active: int = 0
    """Index of the port in use (activebackup); 0: none."""
    ports: Mapping[int, TeamPort] = {}
    """By index."""
    unmodelled: str = ""
    """What of its options is not modelled, as text."""
