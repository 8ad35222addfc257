"""`version`."""

from kubectl_skoop import __version__
from kubectl_skoop.cli.output import emit


def run() -> None:
    """Print the version."""
    emit(f"kubectl-skoop {__version__}")
