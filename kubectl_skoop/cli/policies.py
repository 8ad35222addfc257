"""`policies`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kubectl_skoop.cli import parameters, policy_input
from kubectl_skoop.cli.connectivity import ManifestsCommand
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import emit
from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from kubectl_skoop.cluster.policy.evaluate import PolicySet
    from kubectl_skoop.cluster.policy.rule import Policy

COMMAND_CLASS = ManifestsCommand


def run(
    ctx: typer.Context,
    snapshot: parameters.SnapshotFile = None,
    manifests: policy_input.Manifests = None,
    src: Annotated[str, typer.Option("--src", "-s", metavar="SRC", help="A pod that sends.")] = "",
    dst: Annotated[str, typer.Option("--dst", "-d", metavar="DST", help="A pod that receives.")] = "",
    port: policy_input.Port = "",
    protocol: Annotated[policy_input.PolicyProtocol, typer.Option("--protocol")] = "tcp",
    namespace: policy_input.Namespace = "",
    policy: Annotated[
        str, typer.Option("--policy", metavar="NAME", help="NAME or NAMESPACE/NAME: what it selects.")
    ] = "",
    read_as: policy_input.ReadAs = "auto",
    output: Annotated[Literal["table", "json"], typer.Option("--output", "-o")] = "table",
    no_headers: parameters.NoHeaders = False,
) -> int:
    """Which policies apply to a pod or between two, or which pods each policy selects.

    With -s or -d: the policies that select the pod, in the order in which they are asked. With both and -p:
    the rule that decides, too; exit code 0 allowed, 1 denied, 3 unknown. Without: all policies; exit code 1
    if one is invalid.
    """
    from kubectl_skoop.report.json import json_text

    if port and not (src and dst):
        raise InputError("-p is for one question", hint="with -s NAME and -d NAME")
    if policy and (src or dst):
        raise InputError(
            "--policy asks what a policy selects, -s and -d which policies select a pod: one of both"
        )
    with policy_input.cluster_of(ctx, snapshot, manifests) as cluster:
        if (src or dst) and not (src and dst and (port or protocol == "icmp")):
            from kubectl_skoop.cluster.policy.ends import namespaces_of, selected_by
            from kubectl_skoop.report.connectivity.policies import selected_fields, selected_text

            near = namespaces_of(cluster, src, dst, namespace=namespace)
            found = policy_input.policies_of(cluster, read_as, near)
            sides = selected_by(cluster, found, src, dst, namespace)
            emit(json_text(selected_fields(sides)) if output == "json" else selected_text(sides))
            return ExitCode.OK
        if src:
            from kubectl_skoop.cluster.policy.ends import flows, namespaces_of
            from kubectl_skoop.report.connectivity.fields import question_fields
            from kubectl_skoop.report.connectivity.text import question_text

            near = namespaces_of(cluster, src, dst, port, protocol, namespace)
            found = policy_input.policies_of(cluster, read_as, near)
            answers = flows(cluster, found, src, dst, port, protocol, namespace)
            if output == "json":
                emit(json_text(question_fields(answers, found)))
            else:
                emit(question_text(answers, found, explain=True))
            return policy_input.code_of(answers)
        from kubectl_skoop.cluster.policy.reach import reaches
        from kubectl_skoop.report.connectivity.policies import reaches_fields, reaches_text
        from kubectl_skoop.report.connectivity.text import problems_text

        found = policy_input.policies_of(cluster, read_as)
        chosen = _named(found, policy) if policy else None
        listed = reaches(cluster, found, chosen)
        if output == "json":
            emit(json_text(reaches_fields(listed)))
        else:
            headers = not no_headers
            text = reaches_text(listed, whole=bool(policy), headers=headers)
            emit("\n".join([text, *problems_text(found, headers=headers)]))
    return ExitCode.FINDINGS if found.problems else ExitCode.OK


def _named(found: "PolicySet", written: str) -> "list[Policy]":
    """Raises: UnknownName."""
    from kubectl_skoop.cluster.cluster import unknown

    scope, _, name = written.rpartition("/")
    fits = [one for one in found.policies if one.name == name and (not scope or one.namespace == scope)]
    if not fits:
        known = (f"{one.namespace}/{one.name}" if one.namespace else one.name for one in found.policies)
        raise unknown("policy", written, known)
    return fits
