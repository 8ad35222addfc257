"""When a snapshot's nodes were read."""

from typing import NamedTuple


class Moments(NamedTuple):
    """Seconds since the epoch; by the API server's clock where the offset is known."""

    first: float
    """One began."""
    last: float
    """The last one had read all."""

    @property
    def skew(self) -> float:
        """Seconds that two parts of the snapshot may be apart."""
        return self.last - self.first
