"""What can go wrong between this machine and the cluster.

NoVerdict
└── ClusterError      the API server said no, or nothing (exit 3)
    ├── Forbidden     401, 403: this user may not
    ├── Unreachable   no answer at all
    └── GoesOn        what was begun in the cluster goes on without this machine
"""

from kubectl_skoop.model.errors import NoVerdict


class ClusterError(NoVerdict):
    """An answer of the API server that is no success."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        """HTTP status; 0: none came."""
        self.reason = reason
        """`reason` of the Status object, as in metav1.StatusReason."""


class Forbidden(ClusterError):
    """This user may not do it."""


class Unreachable(ClusterError):
    """No answer."""


class GoesOn(ClusterError):
    """This machine follows it no further, and removes nothing of it."""
