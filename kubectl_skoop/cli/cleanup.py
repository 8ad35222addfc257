"""`cleanup`."""

from typing import Annotated

import typer
from typer.core import TyperOption

from kubectl_skoop.cli import live
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import emit, report_error


class CleanupCommand(live.LiveCommand):
    """Needs access to the cluster, and nothing else."""

    def live_options(self) -> list[TyperOption]:
        return live.access_options()


COMMAND_CLASS = CleanupCommand


def run(
    ctx: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="Also where a collector is still at work, perhaps of another user.")
    ] = False,
) -> int:
    """Remove what earlier runs left in the cluster: namespaces, Jobs and pods with our labels."""
    from kubectl_skoop.collect.live.api import Api
    from kubectl_skoop.collect.live.errors import ClusterError
    from kubectl_skoop.collect.live.leftovers import leftovers, remove

    api = Api(live.access(live.values(ctx)))
    failed = False
    found = leftovers(api)
    for leftover in found:
        if leftover.active and not everything:
            emit(f"{leftover}: at work, left alone (--all removes it, too)")
            continue
        try:
            remove(api, leftover)
            emit(f"{leftover}: removed")
        except ClusterError as error:
            failed = True
            report_error(f"{leftover}: {error}")
    if not found:
        emit("nothing is left")
    return ExitCode.NO_VERDICT if failed else ExitCode.OK
