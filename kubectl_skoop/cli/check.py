"""`check`."""

from typing import TYPE_CHECKING, Annotated

import typer
from typer._click.core import Context

from kubectl_skoop.cli import infra as cloud
from kubectl_skoop.cli import live, parameters
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import ColorMode, columns, emit, report_error, use_color
from kubectl_skoop.cli.plugin_options import PluginOptionsCommand, typed_options, warn_of_unused
from kubectl_skoop.cli.progress import Progress
from kubectl_skoop.cli.words import spread
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.report.formats import PEOPLE, CheckFormat, render_check

if TYPE_CHECKING:
    from kubectl_skoop.snapshot.source import Snapshot


class CheckCommand(PluginOptionsCommand, live.LiveCommand):
    """With the options of plugins, and of a live cluster."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args, ("--infra",)))


COMMAND_CLASS = CheckCommand


def run(
    ctx: typer.Context,
    snapshot: parameters.SnapshotFile = None,
    infra: cloud.Files = None,
    output: Annotated[CheckFormat, typer.Option("--output", "-o")] = "table",
    color: Annotated[ColorMode, typer.Option("--color")] = "auto",
    each: Annotated[
        bool, typer.Option("--each", help="Each finding at its own place, not one for all that are alike.")
    ] = False,
    network_plugin: parameters.NetworkPlugin = "",
    cloud_provider: parameters.CloudProvider = "",
    proxy_mode: parameters.ProxyMode = "",
    cluster_cidr: parameters.ClusterCidr = "",
    service_cidr: parameters.ServiceCidr = "",
) -> int:
    """Without a flow: what every plugin wants on every node, and what is not as it should be."""
    options = Options(
        network_plugin=network_plugin,
        cloud_provider=cloud_provider,
        proxy_mode=proxy_mode,
        cluster_cidr=cluster_cidr,
        service_cidr=service_cidr,
        plugin=typed_options(ctx),
    )
    progress = Progress()
    try:
        result = live.ask(
            ctx,
            snapshot,
            lambda source: _answer(source, options, progress, each=each),
            cloud.Cloud(options, cloud.read(infra or ())),
        )
    finally:
        progress.close()
    text = render_check(result, output, color=use_color(color), columns=columns())
    emit(text, document=output not in PEOPLE)
    warn_of_unused(ctx, result.facts)
    code = exit_code(result)
    if code is ExitCode.NO_VERDICT:
        report_error(
            f"not everything could be checked: {_counted(len(result.missing))}, listed under missing data"
        )
    return code


def _answer(source: "Snapshot", options: Options, progress: Progress, *, each: bool) -> Check:
    from kubectl_skoop.diagnosis.check import check, check_each

    return (check_each if each else check)(source, options, progress)


def _counted(gaps: int) -> str:
    return "1 gap" if gaps == 1 else f"{gaps} gaps"


def exit_code(check: Check) -> ExitCode:
    """Findings outweigh gaps: what was found stands, whatever else could not be read."""
    if any(finding.level >= Level.WARNING for finding in check.suspicions):
        return ExitCode.FINDINGS
    return ExitCode.NO_VERDICT if any(gap.state != "absent" for gap in check.missing) else ExitCode.OK
