"""`diff`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kubectl_skoop.cli import parameters
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import ColorMode, emit, report_error, use_color
from kubectl_skoop.cli.plugin_options import PluginOptionsCommand, typed_options
from kubectl_skoop.cli.progress import Progress
from kubectl_skoop.diagnosis.request import Options, ProtocolName, Request
from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from kubectl_skoop.report.diff import FlowChange
    from kubectl_skoop.snapshot.source import Snapshot

Output = Literal["table", "json", "yaml"]
COMMAND_CLASS = PluginOptionsCommand


def run(
    ctx: typer.Context,
    before: Annotated[
        Path, typer.Argument(metavar="BEFORE", parser=parameters.named_file, help="A snapshot.")
    ],
    after: Annotated[
        Path, typer.Argument(metavar="AFTER", parser=parameters.named_file, help="A later one.")
    ],
    src: Annotated[str, typer.Option("--src", "-s", metavar="SRC", help="Who sends, of a flow.")] = "",
    dst: Annotated[str, typer.Option("--dst", "-d", metavar="DST", help="To whom.")] = "",
    port: Annotated[
        str, typer.Option("--port", "-p", "--dport", metavar="PORT", help="Number, or a service's port name.")
    ] = "",
    protocol: Annotated[ProtocolName, typer.Option("--protocol")] = "tcp",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAME", help="For names that bear none.")
    ] = "",
    output: Annotated[Output, typer.Option("--output", "-o")] = "table",
    color: Annotated[ColorMode, typer.Option("--color")] = "auto",
) -> int:
    """What changed between two snapshots, by node and table; with -s and -d also what that does to a flow.

    Order, counters, ages and indexes do not count. Exit code 0: nothing changed, 1: something did, 3: a part
    could not be compared, and nothing else changed.
    """
    request = _request(src, dst, port, protocol, namespace)
    with parameters.opened(before) as old, parameters.opened(after) as new:
        from kubectl_skoop.report.diff import difference, difference_fields, difference_text

        flow = _flow(old, new, request, Options(plugin=typed_options(ctx))) if request else None
        progress = Progress()
        try:
            found = difference(old, new, flow, progress)
        finally:
            progress.close()
    if output == "table":
        from kubectl_skoop.report.style import Style

        emit(difference_text(found, Style(use_color(color))))
    else:
        from kubectl_skoop.report.documents import render_fields

        emit(render_fields(difference_fields(found), output))
    if found:
        return ExitCode.FINDINGS
    if found.uncompared:
        parts = "1 part" if len(found.uncompared) == 1 else f"{len(found.uncompared)} parts"
        report_error(f"{parts} could not be compared; what could is the same")
        return ExitCode.NO_VERDICT
    return ExitCode.OK


def _request(src: str, dst: str, port: str, protocol: ProtocolName, namespace: str) -> Request | None:
    """Raises: InputError."""
    if not src and not dst:
        if port:
            raise InputError("-p is of a flow", hint="with -s SRC and -d DST")
        return None
    if not src or not dst:
        raise InputError(f"the {'source' if dst else 'destination'} is missing", hint="-s SRC -d DST")
    return Request(source=src, destination=dst, port=port, protocol=protocol, namespace=namespace)


def _flow(old: "Snapshot", new: "Snapshot", request: Request, options: Options) -> "FlowChange":
    from kubectl_skoop.diagnosis.diagnose import diagnose
    from kubectl_skoop.report.diff import flow_change

    return flow_change(diagnose(old, request, options), diagnose(new, request, options))
