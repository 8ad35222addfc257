"""`providers`."""

import typer

from kubectl_skoop.cli import live, parameters
from kubectl_skoop.cli.output import emit
from kubectl_skoop.cli.plugins import Detect, entries
from kubectl_skoop.diagnosis.registry import PROVIDERS, load_provider
from kubectl_skoop.report.installed import installed_text

COMMAND_CLASS = live.LiveCommand


def run(
    ctx: typer.Context,
    detect: Detect = False,
    snapshot: parameters.SnapshotFile = None,
    no_headers: parameters.NoHeaders = False,
) -> None:
    """The cloud providers that are installed, with their options."""
    if detect:
        from kubectl_skoop.cli.detect import detected

        emit(live.ask(ctx, snapshot, lambda source: detected(source, headers=not no_headers)))
    else:
        emit(installed_text(entries(PROVIDERS, load_provider), headers=not no_headers))
