"""The objects: legal, as little as they need, and found again by their labels."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_skoop.cluster.raw import dig, items, mapping
from kubectl_skoop.collect.live.manifest import (
    MAX_NAME,
    RUN_LABEL,
    CollectorOptions,
    collect_command,
    job_name,
    job_object,
    namespace_object,
    pod_spec,
)

OPTIONS = CollectorOptions(image="i:1", pull_secrets=("s",))


@given(st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", fullmatch=True))
def test_the_name_of_a_job_is_legal_whatever_the_node_is_called(node: str) -> None:
    name = job_name(node, "0123abcd")
    assert len(name) <= MAX_NAME
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name)


def test_nodes_whose_names_look_alike_have_jobs_of_their_own() -> None:
    long = "x" * 200
    assert len({job_name(node, "r") for node in ("a.b", "a-b", f"{long}1", f"{long}2")}) == 4
    assert job_name("a", "r") != job_name("a", "s")


def test_a_job_ends_by_itself_and_is_removed() -> None:
    job = job_object("n1", "ns", "r", OPTIONS)
    assert dig(job, "spec", "activeDeadlineSeconds") == OPTIONS.deadline
    assert dig(job, "spec", "ttlSecondsAfterFinished") == 60
    assert dig(job, "spec", "backoffLimit") == 0
    for labels in (dig(job, "metadata", "labels"), dig(job, "spec", "template", "metadata", "labels")):
        assert dig(labels, RUN_LABEL) == "r"


def test_a_pod_is_not_privileged_and_has_no_account() -> None:
    spec = pod_spec("n1", OPTIONS)
    context = _security(OPTIONS)
    assert "privileged" not in context
    assert dig(context, "capabilities", "drop") == ["ALL"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert "volumes" not in spec


def test_a_pod_is_privileged_where_that_is_asked_for() -> None:
    assert _security(CollectorOptions(image="i", privileged=True))["privileged"] is True


def _security(options: CollectorOptions) -> Mapping[str, object]:
    (container,) = items(pod_spec("n1", options), "containers")
    return mapping(container, "securityContext")


def test_the_namespace_lets_such_pods_in() -> None:
    labels = dig(namespace_object("ns", "r"), "metadata", "labels")
    assert dig(labels, "pod-security.kubernetes.io/enforce") == "privileged"


@pytest.mark.parametrize("socket", ["", "/run/x.sock"])
def test_the_command_names_a_socket_only_if_one_is_given(socket: str) -> None:
    command = collect_command("n1", "all", CollectorOptions(image="i", runtime_socket=socket))
    assert ("--runtime-socket" in command) == bool(socket)
    assert list(command[command.index("--node") :][:2]) == ["--node", "n1"]
