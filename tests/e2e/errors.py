"""What makes a cluster impossible: one line that says what, where, and what to do."""


class ClusterError(RuntimeError):
    """The cluster itself failed: no statement about the tool under test is possible."""
