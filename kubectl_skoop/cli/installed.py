"""What `plugins` and `providers` share: what is installed, or what a cluster is taken for."""

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from kubectl_skoop.cli import live, parameters
from kubectl_skoop.cli.output import emit
from kubectl_skoop.diagnosis.extension.interface import Plugin, Provider
from kubectl_skoop.diagnosis.extension.options import options_of
from kubectl_skoop.diagnosis.extension.registry import installed
from kubectl_skoop.report.installed import Installed, installed_text

Detect = Annotated[
    bool,
    typer.Option("--detect", help="Say what the cluster has, where that was read, how to override it."),
]
Load = Callable[[str], type[Plugin] | type[Provider]]


def command(group: str, load: Load, about: str) -> Callable[..., None]:
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
            emit(installed_text(_entries(group, load), headers=not no_headers))

    run.__doc__ = about
    return run


def _entries(group: str, load: Load) -> Iterator[Installed]:
    for name, entry in installed(group).items():
        implementation = load(name)
        module = inspect.getdoc(sys.modules[entry.value.partition(":")[0]]) or ""
        yield Installed(
            name=name,
            origin=f"{entry.value} ({package})" if (package := entry.package) else entry.value,
            about=module.partition("\n")[0],
            options=options_of(implementation.options, name),
        )
