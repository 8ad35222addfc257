"""`diagnose`."""

from typing import TYPE_CHECKING, Annotated

import typer
from typer._click.core import Context

from kubectl_skoop.cli import infra as cloud
from kubectl_skoop.cli import live, parameters
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import ColorMode, columns, emit, report_error, report_warning, use_color
from kubectl_skoop.cli.plugin_options import PluginOptionsCommand, typed_options, warn_of_unused
from kubectl_skoop.cli.words import spread
from kubectl_skoop.diagnosis.request import Options, ProtocolName, Request
from kubectl_skoop.diagnosis.result import Diagnosis, Verdict
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.report.formats import PEOPLE, Format, render_diagnosis

if TYPE_CHECKING:
    from kubectl_skoop.snapshot.source import Snapshot


class DiagnoseCommand(PluginOptionsCommand, live.LiveCommand):
    """With the options of plugins, and of a live cluster."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args, ("--infra",)))


COMMAND_CLASS = DiagnoseCommand

_VERDICTS: dict[Verdict, ExitCode] = {
    "reachable": ExitCode.OK,
    "unreachable": ExitCode.FINDINGS,
    "partial": ExitCode.FINDINGS,
    "unknown": ExitCode.NO_VERDICT,
}


def run(
    ctx: typer.Context,
    src_argument: Annotated[str, typer.Argument(metavar="[SRC]", show_default=False)] = "",
    dst_argument: Annotated[str, typer.Argument(metavar="[DST]", show_default=False)] = "",
    src: Annotated[str, typer.Option("--src", "-s", metavar="SRC", help="Who sends.")] = "",
    dst: Annotated[str, typer.Option("--dst", "-d", metavar="DST", help="To whom.")] = "",
    port: Annotated[
        str,
        typer.Option(
            "--port",
            "-p",
            "--dport",
            metavar="PORT",
            help="Number, or a service's port name; default: its only one.",
        ),
    ] = "",
    protocol: Annotated[ProtocolName, typer.Option("--protocol")] = "tcp",
    source_port: Annotated[
        int, typer.Option("--source-port", min=0, max=65535, help="0: the kernel picks one.")
    ] = 0,
    size: Annotated[
        int, typer.Option("--size", min=0, max=65535, help="IP length in bytes; 0: a SYN, a small datagram.")
    ] = 0,
    df: Annotated[bool, typer.Option("--df", help="The packet must not be fragmented.")] = False,
    uid: Annotated[int, typer.Option("--uid", min=0, help="User id of the sending process.")] = 0,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAME", help="For names that bear none.")
    ] = "",
    snapshot: parameters.SnapshotFile = None,
    infra: cloud.Files = None,
    output: Annotated[Format, typer.Option("--output", "-o")] = "table",
    trace: Annotated[
        bool, typer.Option("--trace", help="Show each hook, chain, rule and route that the packet met.")
    ] = False,
    color: Annotated[ColorMode, typer.Option("--color")] = "auto",
    network_plugin: parameters.NetworkPlugin = "",
    cloud_provider: parameters.CloudProvider = "",
    proxy_mode: parameters.ProxyMode = "",
    cluster_cidr: parameters.ClusterCidr = "",
    service_cidr: parameters.ServiceCidr = "",
) -> int:
    """Walk one packet and its answer: does it arrive, and if not, what stops it?

    SRC and DST: pod/NAME, NAMESPACE/POD, pod/NAMESPACE/NAME, svc/NAME[:PORT], node/NAME, web.shop.svc,
    deploy/NAME (one of its pods), or an address.
    """
    request = Request(
        source=_one(src, src_argument, "source"),
        destination=_one(dst, dst_argument, "destination"),
        port=port,
        protocol=protocol,
        source_port=source_port,
        size=size,
        df=df,
        uid=uid,
        namespace=live.namespace(ctx, namespace, snapshot),
    )
    options = Options(
        network_plugin=network_plugin,
        cloud_provider=cloud_provider,
        proxy_mode=proxy_mode,
        cluster_cidr=cluster_cidr,
        service_cidr=service_cidr,
        plugin=typed_options(ctx),
    )
    diagnosis, lost = live.ask(
        ctx,
        snapshot,
        lambda source: _answer(source, request, options),
        cloud.Cloud(options, cloud.read(infra or ())),
    )
    text = render_diagnosis(diagnosis, output, color=use_color(color), columns=columns(), trace=trace)
    emit(text, document=output not in PEOPLE)
    warn_of_unused(ctx, diagnosis.facts)
    if diagnosis.verdict == "unknown":
        report_error(f"no verdict: {diagnosis.cause.message if diagnosis.cause else diagnosis.headline}")
    elif lost:
        report_warning(f"{lost[0]}; the answer rests on what is whole")
    return _VERDICTS[diagnosis.verdict]


def _answer(
    source: "Snapshot", request: Request, options: Options
) -> tuple[Diagnosis, tuple[NotCollected, ...]]:
    from kubectl_skoop.diagnosis.diagnose import diagnose

    diagnosis = diagnose(source, request, options)
    return diagnosis, tuple(dict.fromkeys((*source.file.lost, *source.lost_objects)))


def _one(option: str, argument: str, what: str) -> str:
    if option and argument:
        raise InputError(f"the {what} was given twice: {option} and {argument}")
    if not option and not argument:
        flag = "-s SRC" if what == "source" else "-d DST"
        raise InputError(f"the {what} is missing", hint=f"diagnose SRC DST, or {flag}")
    return option or argument
