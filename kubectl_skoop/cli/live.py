"""The options of a live cluster, and asking it in place of a snapshot."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer
from typer._click.core import Context, Parameter
from typer._click.formatting import HelpFormatter
from typer._click.types import IntRange
from typer._types import TyperChoice
from typer.core import TyperCommand, TyperOption

from kubectl_skoop.cli import parameters
from kubectl_skoop.cli.defaults import Rank, rank
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import emit, report_error, report_warning
from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from kubectl_skoop.cli.infra import Cloud
    from kubectl_skoop.cluster.allow import Allowed
    from kubectl_skoop.cluster.cluster import PlainObjects
    from kubectl_skoop.collect.live.api import Body
    from kubectl_skoop.collect.live.kubeconfig import Access
    from kubectl_skoop.collect.live.manifest import CollectorOptions
    from kubectl_skoop.collect.live.rights import Right
    from kubectl_skoop.collect.live.source import LiveSource
    from kubectl_skoop.snapshot.assemble import Infra
    from kubectl_skoop.snapshot.source import Snapshot

T = TypeVar("T")

_KEY = "kubectl_skoop.live"
_SECTION = "Options of a live cluster"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def _remember(ctx: Context, parameter: Parameter, value: Any) -> Any:
    given = ctx.meta.setdefault(_KEY, {})
    if value not in (None, (), False, ""):
        given[parameter.name] = value
    return value


def option(*names: str, help: str, **settings: Any) -> TyperOption:
    return TyperOption(param_decls=list(names), help=help, expose_value=False, callback=_remember, **settings)


def access_options() -> list[TyperOption]:
    """Which cluster, as whom: kubectl's own names."""
    return [
        option(
            "--kubeconfig", "--kube-config", metavar="FILE", help="Instead of KUBECONFIG and ~/.kube/config."
        ),
        option("--context", metavar="NAME", help="The kubeconfig's context; default: its current one."),
        option("--cluster", metavar="NAME", help="The kubeconfig's cluster."),
        option("--user", metavar="NAME", help="The kubeconfig's user."),
        option("--as", "impersonate", metavar="USER", help="Act as this user."),
        option("--as-group", "groups", metavar="GROUP", multiple=True, help="In this group; repeatable."),
        option("--request-timeout", metavar="TIME", help="Of one request, as 30s or 1m; 0: none."),
    ]


def collector_options() -> list[TyperOption]:
    """How nodes are read; the original's names are understood, too."""
    from kubectl_skoop.collect.live.manifest import CollectorOptions

    defaults = CollectorOptions(image="")
    return [
        option("--image", "--collector-image", "image", metavar="IMAGE", help="Of the collector pods."),
        option(
            "--debug-image",
            metavar="IMAGE",
            help="Instead: any image with Python 3.11 or newer; the agent is sent into it.",
        ),
        option(
            "--image-pull-policy",
            "--collector-image-pull-policy",
            "pull_policy",
            type=TyperChoice(["Always", "IfNotPresent", "Never"]),
            help=f"Default: {defaults.pull_policy}.",
        ),
        option("--image-pull-secret", "pull_secrets", metavar="NAME", multiple=True, help="Repeatable."),
        option(
            "--collector-namespace",
            "collector_namespace",
            metavar="NAME",
            help="Where collector pods run; default: a namespace of the run's own.",
        ),
        option(
            "--collector-deadline",
            "deadline",
            metavar="TIME",
            help=f"After which the cluster ends a collector itself; default: {defaults.deadline}s.",
        ),
        option(
            "--pod-wait",
            "--collector-pod-wait-timeout",
            "wait",
            metavar="TIME",
            help=f"That a collector pod may take to run; default: {defaults.wait:.0f}s.",
        ),
        option(
            "--runtime-socket",
            "--collector-cri-address",
            "runtime_socket",
            metavar="PATH",
            help="The container runtime's socket on the nodes; default: the usual ones.",
        ),
        option("--privileged", is_flag=True, help="Run collectors privileged, where a runtime forces it."),
        option(
            "--dry-run",
            is_flag=True,
            help="Make nothing: print the objects that would be made, and the rights needed.",
        ),
        option(
            "--parallel",
            type=IntRange(min=1, max=256),
            metavar="N",
            help="Nodes that are collected at a time; default: 16.",
        ),
    ]


def keep_option() -> TyperOption:
    return option("--save-snapshot", "keep", metavar="FILE", help="Keep what was gathered.")


class LiveCommand(TyperCommand):
    """A command that asks a live cluster unless it is given a snapshot."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.live = self.live_options()
        self.params.extend(self.live)

    def live_options(self) -> list[TyperOption]:
        return [*access_options(), *collector_options(), keep_option()]

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        everything = self.params
        self.params = [one for one in everything if one not in self.live]
        try:
            super().format_options(ctx, formatter)
        finally:
            self.params = everything
        rows = [record for option in self.live if (record := option.get_help_record(ctx))]
        with formatter.section(_SECTION):
            formatter.write_dl(rows)


_LIVE_ONLY = {"keep": "--save-snapshot", "dry_run": "--dry-run"}
"""What would be left undone without a word, where a file is asked."""


def ask(
    ctx: typer.Context,
    snapshot: Path | None,
    question: "Callable[[Snapshot], T]",
    cloud: "Cloud | None" = None,
) -> T:
    """The answer of the snapshot; without one, of the cluster that kubectl would ask.

    `cloud`: asked where the question needs it; of a snapshot only files can be.
    Raises: what the question does; InputError, ClusterError.
    """
    given = values(ctx)
    if snapshot is not None and not outweighs(ctx):
        for name, flag in _LIVE_ONLY.items():
            if name in given:
                raise InputError(
                    f"{flag} is of a live cluster, and {snapshot} is asked", hint="leave one out"
                )
        with parameters.opened(snapshot) as source:
            if cloud is not None:
                cloud.given(source)
            return question(source)
    from kubectl_skoop.diagnosis.extension.wants import allowed

    keep = given.get("keep")
    infra = cloud.gather if cloud is not None else None
    with opened(given, allowed(), keep=Path(keep) if keep else None, infra=infra) as cluster:
        if given.get("dry_run"):
            dry_run(cluster, cluster.wanted(question))
        return cluster.ask(question)


def dry_run(cluster: "LiveSource", nodes: Sequence[str], note: str = "") -> NoReturn:
    """Prints what would be made in the cluster, as YAML, and what the user must be allowed to do."""
    print_plan(*cluster.plan(nodes), note)
    raise typer.Exit(ExitCode.OK)


def print_plan(needed: "Sequence[Right]", objects: "Sequence[Body]", note: str = "") -> None:
    """As YAML, with the note and the rights as comments."""
    import yaml

    # Each written out, whatever it shares with others.
    plain = json.loads(json.dumps(objects))
    lines = [f"# {note}"] if note else []
    lines += ["# These rights are needed:", *(f"# - {right}" for right in needed)]
    emit("\n".join([*lines, yaml.safe_dump_all(plain, sort_keys=False)]))


@contextmanager
def opened(
    given: Mapping[str, Any],
    allowed: "Allowed",
    *,
    keep: Path | None,
    namespaces: Sequence[str] = (),
    infra: "Infra | None" = None,
) -> "Iterator[LiveSource]":
    """Raises: InputError, ClusterError."""
    from kubectl_skoop.cli.progress import Progress
    from kubectl_skoop.collect.live.api import Api
    from kubectl_skoop.collect.live.run import Run
    from kubectl_skoop.collect.live.source import PARALLEL, live

    progress = Progress()
    run = Run(Api(access(given)), collector(given), progress)
    parallel = given.get("parallel", PARALLEL)
    checkpoint = Path(given["checkpoint"]) if "checkpoint" in given else None
    cluster = None
    try:
        with live(
            run,
            allowed,
            keep=keep,
            parallel=parallel,
            namespaces=namespaces,
            infra=infra,
            checkpoint=checkpoint,
        ) as cluster:
            yield cluster
    finally:
        progress.close()
        if cluster is not None and cluster.left:
            report_error(cluster.left, "kubectl skoop cleanup removes it")


def objects(ctx: typer.Context) -> "PlainObjects":
    """Of the live cluster, without its nodes' state. Raises: InputError, ClusterError."""
    from concurrent.futures import ThreadPoolExecutor

    from kubectl_skoop.cluster.cluster import PlainObjects
    from kubectl_skoop.collect.live.api import Api
    from kubectl_skoop.collect.live.objects import InMemory, gather
    from kubectl_skoop.diagnosis.extension.wants import allowed

    kept = InMemory()
    with ThreadPoolExecutor() as workers:
        found = gather(Api(access(values(ctx))), allowed(), workers, kept.stream)
    for gap in found.gaps:
        report_warning(str(gap))
    return PlainObjects(kept.kinds, found.gaps)


def outweighs(ctx: Context) -> bool:
    """A cluster that is named outweighs a snapshot that is named further below, by the environment or a file.

    Raises: InputError where the command line names both.
    """
    ranks = {name: rank(ctx, name) for name in ("kubeconfig", "context", "cluster") if name in values(ctx)}
    if not ranks:
        return False
    name = max(ranks, key=ranks.__getitem__)
    file = rank(ctx, "snapshot")
    if ranks[name] is Rank.COMMAND_LINE and file is Rank.COMMAND_LINE:
        raise InputError(f"--snapshot and --{name}: ask a file or a cluster, not both")
    return ranks[name] > file


def namespace(ctx: typer.Context, given: str, snapshot: Path | None) -> str:
    """For names that bear none: what was given; live, what the kubeconfig's context says.

    Raises: InputError.
    """
    if given or (snapshot is not None and not outweighs(ctx)):
        return given
    from kubectl_skoop.collect.live.kubeconfig import context_namespace

    return context_namespace(access(values(ctx)))


def values(ctx: Context) -> Mapping[str, Any]:
    """What was given of the options above, by their names in Python.

    Of the two ways to name an image the one that outweighs; both where they are of equal weight. A cluster
    that gathers by itself has no use for a default of the other image.
    """
    given: Mapping[str, Any] = ctx.meta.get(_KEY, {})
    if "in_cluster" in given and rank(ctx, "debug_image") is not Rank.COMMAND_LINE:
        given = {name: value for name, value in given.items() if name != "debug_image"}
    images = [name for name in ("image", "debug_image") if name in given]
    best = max((rank(ctx, name) for name in images), default=Rank.NOWHERE)
    return {name: value for name, value in given.items() if name not in images or rank(ctx, name) is best}


def access(given: Mapping[str, Any]) -> "Access":
    """Raises: InputError."""
    from kubectl_skoop.collect.live.kubeconfig import Access

    timeout = given.get("request_timeout")
    return Access(
        kubeconfig=given.get("kubeconfig", ""),
        context=given.get("context", ""),
        cluster=given.get("cluster", ""),
        user=given.get("user", ""),
        impersonate=given.get("impersonate", ""),
        groups=tuple(given.get("groups", ())),
        timeout=None if timeout is None else seconds("--request-timeout", timeout),
    )


def collector(given: Mapping[str, Any]) -> "CollectorOptions":
    """Raises: InputError."""
    from importlib.metadata import version

    from kubectl_skoop.collect.live.manifest import DEFAULT_IMAGE, CollectorOptions, Owner

    plain = CollectorOptions(image=f"{DEFAULT_IMAGE}:{version('kubectl-skoop')}")
    deadline, wait = given.get("deadline"), given.get("wait")
    if "image" in given and "debug_image" in given:
        raise InputError("--image and --debug-image: one of them")
    return CollectorOptions(
        image=given.get("debug_image", given.get("image", plain.image)),
        sent="debug_image" in given,
        pull_policy=given.get("pull_policy", plain.pull_policy),
        pull_secrets=tuple(given.get("pull_secrets", ())),
        namespace=given.get("collector_namespace", ""),
        deadline=plain.deadline
        if deadline is None
        else max(1, round(seconds("--collector-deadline", deadline))),
        wait=plain.wait if wait is None else seconds("--pod-wait", wait),
        privileged=given.get("privileged", False),
        runtime_socket=given.get("runtime_socket", ""),
        owner=Owner(*given["owner"].split("/", 1)) if "owner" in given else None,
    )


def seconds(option: str, written: str) -> float:
    """`30s`, `1m30s`, `500ms`, or a bare number of seconds. Raises: InputError."""
    parts: Sequence[tuple[str, str]] = _DURATION.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written:
        raise InputError(f"{option} {written}: must be a time, as 30s or 1m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
