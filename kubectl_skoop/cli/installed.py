"""What `plugins` and `providers` share: what is installed, or what a cluster is taken for."""

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from kubectl_skoop.cli import live, parameters
from kubectl_skoop.cli.output import emit
from kubectl_skoop.diagnosis.extension.options import options_of
from kubectl_skoop.diagnosis.extension.registry import PluginError, each, installed
from kubectl_skoop.report.installed import Installed, installed_text

Detect = Annotated[
    bool,
    typer.Option("--detect", help="Say what the cluster has, where that was read, how to override it."),
]


def command(group: str, about: str) -> Callable[..., None]:
    """The function of the command for one group of entry points; `about`: its help."""

    def run(
        ctx: typer.Context,
        detect: Detect = False,
        snapshot: parameters.SnapshotFile = None,
        no_headers: parameters.NoHeaders = False,
    ) -> None:
        if detect:
            from kubectl_skoop.cli.detect import detected

            emit(live.ask(ctx, snapshot, lambda source: detected(source, headers=not no_headers)))
        else:
            emit(installed_text(_entries(group), headers=not no_headers))

    run.__doc__ = about
    return run


def _entries(group: str) -> Iterator[Installed]:
    """With one that cannot be used, and why."""
    entries = installed(group)
    for name, found in each(group):
        entry = entries[name]
        origin = f"{entry.value} ({package})" if (package := entry.package) else entry.value
        if isinstance(found, PluginError):
            yield Installed(name=name, origin=origin, about=f"not usable: {found}")
        else:
            module = inspect.getdoc(sys.modules[entry.value.partition(":")[0]]) or ""
            about = module.partition("\n")[0]
            yield Installed(name=name, origin=origin, about=about, options=options_of(found.options, name))
