"""`snapshot --in-cluster` and `snapshot --resume`: the cluster gathers by itself, and the file is fetched."""

import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from secrets import token_hex
from shlex import join
from typing import TYPE_CHECKING, Any

from typer.core import TyperOption

from kubectl_skoop.cli import live
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.outcome import Outcome, outcome, tell
from kubectl_skoop.cli.output import emit, report_error, report_note
from kubectl_skoop.cli.progress import Progress
from kubectl_skoop.collect.live.errors import ClusterError, GoesOn, Unreachable
from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from kubectl_skoop.collect.live.api import Api
    from kubectl_skoop.collect.live.gather_job import GatherOptions
    from kubectl_skoop.collect.live.gathering import Gathering
    from kubectl_skoop.collect.live.interrupts import Interrupts
    from kubectl_skoop.collect.live.manifest import CollectorOptions

_RUN = re.compile("[0-9a-f]{8}")
_AT_ONCE = 8
"""Rights that are asked for at a time."""
DEADLINE = 2 * 3600.0
"""Of a run, seconds."""
_BEFORE = 60
"""Seconds by which the gatherer ends before the cluster ends it, so that it can remove what is ours."""
_ONLY = {
    "detach": "--detach",
    "claim": "--pvc",
    "account": "--service-account",
    "run_deadline": "--run-deadline",
}

_SAME_CLUSTER = {
    "kubeconfig": "--kubeconfig",
    "context": "--context",
    "cluster": "--cluster",
    "user": "--user",
    "impersonate": "--as",
}


def options() -> list[TyperOption]:
    return [
        live.option("--in-cluster", is_flag=True, help="The cluster gathers by itself; the file is fetched."),
        live.option("--detach", is_flag=True, help="In-cluster: do not wait; fetch it later with --resume."),
        live.option("--resume", metavar="RUN", help="Follow an in-cluster run, and fetch its file."),
        live.option(
            "--pvc", "claim", metavar="NAME", help="In-cluster: the volume on which the file is to stay."
        ),
        live.option(
            "--service-account",
            "account",
            metavar="NAME",
            help="In-cluster: one that has the rights.",
        ),
        live.option(
            "--run-deadline",
            metavar="TIME",
            help="In-cluster: after which the run ends, whether or not its file was fetched; default: 2h.",
        ),
    ]


def pod_options() -> list[TyperOption]:
    """Of `snapshot` in its pod."""
    return [
        live.option("--checkpoint", metavar="FOLDER", hidden=True, help="Where dumps stay until the end."),
        live.option("--owner", metavar="POD/UID", hidden=True, help="To whom the collectors belong."),
    ]


def check(given: Mapping[str, Any], file: Path | None, *, assembles: bool, later: Sequence[str]) -> None:
    """Raises: InputError where options do not fit together, or the file is not named where it must be.

    `assembles`: dumps or objects are given. `later`: options that are, and that change a file that is here.
    """
    if assembles and ("in_cluster" in given or "resume" in given):
        raise InputError("--node-dump and --objects are of a snapshot that is not gathered in a cluster")
    if later and ("in_cluster" in given or "resume" in given):
        raise InputError(
            f"{later[0]} is not of a snapshot that the cluster gathers",
            hint="fetch it first, then: kubectl skoop redact FILE NEW, kubectl skoop diagnose --infra …",
        )
    if "in_cluster" not in given:
        alone = [name for name in _ONLY if name in given]
        if alone:
            raise InputError(f"{_ONLY[alone[0]]} without --in-cluster")
    elif "resume" in given:
        raise InputError("--in-cluster and --resume: one of them")
    elif "debug_image" in given:
        raise InputError("--in-cluster and --debug-image: the cluster gathers with our image only")
    elif ("collector_namespace" in given) != ("account" in given):
        raise InputError(
            "--in-cluster takes --collector-namespace and --service-account together, or neither",
            hint="docs/rbac/in-cluster.yaml makes an account; without them one is made for the run, "
            "as with --collector-namespace '' where a default names one",
        )
    elif "claim" in given and "account" not in given:
        raise InputError("--pvc NAME: it is in a namespace", hint="name that with --collector-namespace")
    elif file is not None and "detach" in given:
        raise InputError("--detach and --file: the file is fetched later, with --resume RUN --file FILE")
    if file is None and not ("in_cluster" in given and given.keys() & {"detach", "claim", "dry_run"}):
        raise InputError("--file FILE is missing: where the snapshot is to be written")


def start(given: Mapping[str, Any], file: Path | None, nodes: Sequence[str], words: Sequence[str]) -> int:
    """`nodes`: only these; none: all. `words`: the other options of the snapshot itself.

    Raises: InputError, ClusterError.
    """
    from kubectl_skoop.collect.live import gather_job, rights
    from kubectl_skoop.collect.live.api import Api
    from kubectl_skoop.collect.live.fetch import partial_of
    from kubectl_skoop.collect.live.gathering import Gathering
    from kubectl_skoop.collect.live.interrupts import Interrupts
    from kubectl_skoop.diagnosis.extension.wants import allowed

    api = Api(live.access(given))
    _check_nodes(api, nodes)
    if nodes:
        words = ["--nodes", ",".join(nodes), *words]
    run = token_hex(4)
    settings = _settings(api, given, run, words)
    owns = settings.owns_namespace
    namespace = gather_job.namespace_of(run, settings.collector.namespace)
    needed = (
        *(rights.reading() if owns else ()),
        *rights.gathering(namespace, makes_account=owns),
    )
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        readable = rights.held(api, rights.beside(allowed()), workers) if owns else ()
        if "dry_run" in given:
            live.print_plan(needed, gather_job.all_objects(run, readable, settings))
            return ExitCode.OK
        rights.require(api, needed, workers)
    progress = Progress()
    gathering = Gathering(api, run, settings.collector.namespace, progress)
    again = _resuming(given, gathering)
    with closing(progress), Interrupts() as interrupts:
        try:
            gathering.start(readable, settings)
            if "detach" in given:
                interrupts.hold()
                emit(run)
                report_note(f"the cluster gathers; the file is fetched by: {again}")
                return ExitCode.OK
            report_note(f"if this command is cut off, the run goes on: {again}")
            return _finish(gathering, interrupts, file, again, settings.collector.wait, settings.claim)
        except GoesOn:
            raise
        except BaseException:
            interrupts.hold()
            if file is not None:
                partial_of(file, run).unlink(missing_ok=True)
            _remove(gathering)
            raise


def resume(given: Mapping[str, Any], file: Path) -> int:
    """The run is removed once its file is here, and stays otherwise. Raises: InputError, ClusterError."""
    from kubectl_skoop.collect.live.api import Api
    from kubectl_skoop.collect.live.gathering import Gathering
    from kubectl_skoop.collect.live.interrupts import Interrupts

    run = given["resume"]
    if not _RUN.fullmatch(run):
        raise InputError(f"--resume {run}: no name of a run, which is eight hexadecimal digits")
    collector = live.collector(given)
    progress = Progress()
    gathering = Gathering(Api(live.access(given)), run, collector.namespace, progress)
    again = _resuming(given, gathering)
    with closing(progress), Interrupts() as interrupts:
        try:
            return _finish(gathering, interrupts, file, again, collector.wait)
        except KeyboardInterrupt:
            report_note(f"the run goes on: {again}")
            raise


def _finish(
    gathering: "Gathering",
    interrupts: "Interrupts",
    file: Path | None,
    again: str,
    wait: float,
    claim: str = "",
) -> int:
    """Follows the run, fetches its file, and removes it. `again`: the command that does so later.

    Raises: GoesOn where it may still be of use; ClusterError where it comes to nothing.
    """
    from kubectl_skoop.collect.live.fetch import fetch

    try:
        whole = gathering.follow(wait)
        if file is not None:
            fetch(gathering, whole, file)
    except (Unreachable, OSError) as error:
        raise GoesOn(str(error), hint=f"the run goes on: {again}") from error
    interrupts.hold()
    _remove(gathering)
    if file is not None:
        return tell(str(file), outcome(file), whole.size)
    found = Outcome(whole.collected, whole.wanted, whole.gaps)
    return tell(f"claim {claim}, {gathering.run}.skoop", found, whole.size)


def _check_nodes(api: "Api", nodes: Sequence[str]) -> None:
    """Here, where it is told at once; the pod would try again. Raises: InputError, ClusterError."""
    from kubectl_skoop.cluster.cluster import unknown
    from kubectl_skoop.cluster.raw import items, text

    if nodes:
        pages = api.pages("/api/v1/nodes")
        names = [text(item, "metadata", "name") for page in pages for item in items(page, "items")]
        for name in nodes:
            if name not in names:
                raise unknown("node", name, names)


def _remove(gathering: "Gathering") -> None:
    try:
        gathering.remove()
    except ClusterError as error:
        report_error(
            f"run {gathering.run} may be left in namespace {gathering.namespace}: {error}",
            "kubectl skoop cleanup --all removes it",
        )


def _resuming(given: Mapping[str, Any], gathering: "Gathering") -> str:
    """The command, for a shell: in the same cluster, as the same user."""
    words = [
        part for name, option in _SAME_CLUSTER.items() if name in given for part in (option, given[name])
    ]
    words += [part for group in given.get("groups", ()) for part in ("--as-group", group)]
    words += ["--collector-namespace", gathering.given] if gathering.given else []
    return join(["kubectl", "skoop", "snapshot", "--resume", gathering.run, *words, "-f", "FILE"])


def _settings(api: "Api", given: Mapping[str, Any], run: str, words: Sequence[str]) -> "GatherOptions":
    """Raises: InputError."""
    from kubectl_skoop.collect.live.gather_job import GatherOptions, namespace_of
    from kubectl_skoop.collect.live.gathering import api_servers

    collector = live.collector(given)
    deadline = DEADLINE
    if "run_deadline" in given:
        deadline = max(1.0, live.seconds("--run-deadline", given["run_deadline"]))
    servers = api_servers(api)
    now = time.time() + (api.clock_offset or 0.0)
    parallel = ("--parallel", str(given["parallel"])) if "parallel" in given else ()
    return GatherOptions(
        collector=collector,
        words=(*words, *_words(collector, namespace_of(run, collector.namespace)), *parallel),
        until=round(now + max(deadline - _BEFORE, deadline / 2)),
        deadline=round(deadline),
        account=given.get("account", ""),
        claim=given.get("claim", ""),
        servers=servers,
    )


def _words(collector: "CollectorOptions", namespace: str) -> Sequence[str]:
    """The options that say the same in the pod."""
    words = ["--collector-namespace", namespace, "--image", collector.image]
    words += ["--image-pull-policy", collector.pull_policy]
    words += [word for name in collector.pull_secrets for word in ("--image-pull-secret", name)]
    words += ["--collector-deadline", f"{collector.deadline}s", "--pod-wait", f"{collector.wait:g}s"]
    words += ["--runtime-socket", collector.runtime_socket] if collector.runtime_socket else []
    return [*words, "--privileged"] if collector.privileged else words
