"""`connectivity`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer._click.core import Context
from typer.core import TyperOption

from kubectl_skoop.cli import live, parameters, policy_input
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import emit
from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from kubectl_skoop.cluster.cluster import Cluster
    from kubectl_skoop.report.connectivity.view import View

Output = Literal["table", "json", "csv", "markdown", "md", "dot", "html"]
_PEOPLE: tuple[Output, Output] = ("table", "json")


class ManifestsCommand(live.LiveCommand):
    """`--manifests` takes all words up to the next option."""

    def live_options(self) -> list[TyperOption]:
        return live.access_options()

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, policy_input.spread_manifests(args))


COMMAND_CLASS = ManifestsCommand


def run(
    ctx: typer.Context,
    snapshot: parameters.SnapshotFile = None,
    manifests: policy_input.Manifests = None,
    source: Annotated[
        str, typer.Option("--from", metavar="NAME", help="Senders: a pod, a workload, ns/NAME, an address.")
    ] = "",
    destination: Annotated[str, typer.Option("--to", metavar="NAME", help="Receivers.")] = "",
    port: policy_input.Port = "",
    protocol: Annotated[policy_input.PolicyProtocol, typer.Option("--protocol")] = "tcp",
    namespace: policy_input.Namespace = "",
    explain: Annotated[bool, typer.Option("--explain", help="Which policies select whom.")] = False,
    exposure: Annotated[
        bool, typer.Option("--exposure", help="Only what is open to the whole cluster, to the outside.")
    ] = False,
    diff: Annotated[
        Path | None,
        typer.Option(
            "--diff", metavar="OTHER", help="What is otherwise in that snapshot or those manifests."
        ),
    ] = None,
    read_as: policy_input.ReadAs = "auto",
    output: Annotated[Output, typer.Option("--output", "-o")] = "table",
    no_headers: parameters.NoHeaders = False,
) -> int:
    """Who may talk to whom on which ports, by policy alone: no packet is walked.

    With --from, --to and -p it is one question: exit code 0 allowed, 1 denied, 3 unknown.
    """
    if diff is not None and (exposure or source or destination):
        raise InputError("--diff compares everything", hint="without --exposure, --from and --to")
    if exposure and source:
        raise InputError(
            "--exposure tells who may reach pods, whoever sends", hint="--to NAME for some of them"
        )
    with policy_input.cluster_of(ctx, snapshot, manifests) as cluster:
        if source and destination and (port or protocol == "icmp"):
            return _question(
                cluster, read_as, (source, destination, port, protocol, namespace), explain, output
            )
        if port:
            raise InputError("-p is for one question", hint="with --from NAME and --to NAME")
        policies = policy_input.policies_of(cluster, read_as)
        from kubectl_skoop.cluster.connectivity import connectivity
        from kubectl_skoop.report.connectivity.view import View, classes_of

        found = connectivity(cluster, policies)
        if diff is not None:
            return _difference(found, diff, read_as, output, headers=not no_headers)
        view = View(
            found,
            classes_of(found, source, namespace) if source else found.workloads,
            classes_of(found, destination, namespace) if destination else found.workloads,
            incoming=not source,
            outgoing=not destination,
            warning=policy_input.warning_of(cluster),
        )
        headers = not no_headers
        text = _exposure(view, output, headers) if exposure else _render(view, output, explain, headers)
        emit(text, document=output != "table")
    return ExitCode.FINDINGS if policies.problems else ExitCode.OK


def _question(
    cluster: "Cluster",
    reading: policy_input.Reading,
    asked: Sequence[str],
    explain: bool,
    output: Output,
) -> ExitCode:
    from kubectl_skoop.cluster.policy.ends import flows, namespaces_of

    _only(output, "one question")
    policies = policy_input.policies_of(cluster, reading, namespaces_of(cluster, *asked))
    found = flows(cluster, policies, *asked)
    if output == "json":
        from kubectl_skoop.report.connectivity.fields import question_fields
        from kubectl_skoop.report.json import json_text

        emit(json_text(question_fields(found, policies)))
    else:
        from kubectl_skoop.report.connectivity.text import question_text

        emit(question_text(found, policies, explain=explain))
    return policy_input.code_of(found)


def _difference(
    found: object, other: Path, reading: policy_input.Reading, output: Output, *, headers: bool
) -> ExitCode:
    from kubectl_skoop.cluster.connectivity import Connectivity, connectivity
    from kubectl_skoop.cluster.connectivity_diff import difference
    from kubectl_skoop.snapshot.bundle import holds_snapshot
    from kubectl_skoop.snapshot.objects_file import STDIN, SUFFIXES

    assert isinstance(found, Connectivity)
    _only(output, "a difference")
    written = other == STDIN or other.suffix in SUFFIXES or (other.is_dir() and not holds_snapshot(other))
    with policy_input.cluster_of_file(other, [other] if written else None) as cluster:
        changed = difference(found, connectivity(cluster, policy_input.policies_of(cluster, reading)))
    if output == "json":
        from kubectl_skoop.report.connectivity.difference import difference_fields
        from kubectl_skoop.report.json import json_text

        emit(json_text(difference_fields(changed)))
    else:
        from kubectl_skoop.report.connectivity.difference import difference_text

        emit(difference_text(changed, headers=headers))
    return ExitCode.FINDINGS if any(changed) else ExitCode.OK


def _exposure(view: "View", output: Output, headers: bool) -> str:
    from kubectl_skoop.report.connectivity.exposure import HEADINGS, exposure_fields, exposures
    from kubectl_skoop.report.connectivity.text import columns
    from kubectl_skoop.report.json import json_text

    _only(output, "the exposure")
    if output == "json":
        return json_text(exposure_fields(view))
    rows = [(*entry[:3], "unknown" if entry.verdict == "unknown" else "") for entry in exposures(view)]
    return columns(HEADINGS, rows, headers=headers) + "\n" if rows else "nothing is exposed\n"


def _render(view: "View", output: Output, explain: bool, headers: bool) -> str | Iterable[str]:
    match output:
        case "json":
            from kubectl_skoop.report.connectivity.fields import connectivity_fields
            from kubectl_skoop.report.json import json_pieces

            return json_pieces(connectivity_fields(view))
        case "dot":
            from kubectl_skoop.report.connectivity.dot import dot_text

            return dot_text(view)
        case "html":
            from kubectl_skoop.report.html.matrix_pages import connectivity_html

            return connectivity_html(view)
        case "table" | "csv" | "markdown" | "md":
            from kubectl_skoop.report.connectivity import text

            if output == "table":
                return text.connectivity_text(view, explain=explain, headers=headers)
            return text.csv_text(view, headers=headers) if output == "csv" else text.markdown_text(view)


def _only(output: Output, what: str) -> None:
    if output not in _PEOPLE:
        raise InputError(f"{what} has no output {output}", hint=f"-o {' or '.join(_PEOPLE)}")
