"""The objects of a run that the cluster gathers: as little as it needs, bounded, and gone together."""

from pathlib import Path

import yaml

from kubectl_skoop.cluster.allow import BUILT_IN, config_maps
from kubectl_skoop.cluster.raw import dig, items, mapping, text
from kubectl_skoop.collect.live import rights
from kubectl_skoop.collect.live.gather_job import (
    GatherOptions,
    account_objects,
    all_objects,
    gather_job,
    granted,
)
from kubectl_skoop.collect.live.manifest import RUN_LABEL, CollectorOptions, Owner, job_object
from kubectl_skoop.diagnosis.extension.wants import allowed

ROLES = Path(__file__).parents[3] / "docs" / "rbac"
OWN = GatherOptions(
    collector=CollectorOptions(image="i:1"), words=("--conntrack", "all"), until=1000, deadline=600
)
SHARED = GatherOptions(
    collector=CollectorOptions(image="i:1", namespace="skoop"),
    words=(),
    until=1000,
    deadline=600,
    account="gatherer",
    claim="files",
)


def test_it_ends_by_itself_and_is_removed() -> None:
    job = gather_job("r", OWN)
    assert dig(job, "spec", "activeDeadlineSeconds") == 600
    assert dig(job, "spec", "ttlSecondsAfterFinished") == 60
    for labels in (dig(job, "metadata", "labels"), dig(job, "spec", "template", "metadata", "labels")):
        assert dig(labels, RUN_LABEL) == "r"


def test_its_pod_is_restricted_but_for_the_network() -> None:
    spec = mapping(gather_job("r", OWN), "spec", "template", "spec")
    (container,) = items(spec, "containers")
    assert dig(spec, "securityContext", "runAsNonRoot") is True
    assert dig(spec, "securityContext", "seccompProfile") == {"type": "RuntimeDefault"}
    assert dig(container, "securityContext") == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {key for key in spec if key.startswith("host")} == {"hostNetwork"}
    assert dig(container, "resources", "limits") == {"memory": "1Gi"}


def test_what_is_of_the_cluster_belongs_to_the_namespace() -> None:
    for item in account_objects("r", (), "uid-1"):
        if not text(item, "metadata", "namespace"):
            (owner,) = items(item, "metadata", "ownerReferences")
            assert (text(owner, "kind"), text(owner, "name")) == ("Namespace", "kubectl-skoop-r")
            assert text(owner, "uid") == "uid-1"


def test_it_may_remove_its_own_namespace_and_no_other() -> None:
    given = granted("kubectl-skoop-r", ())
    assert [right for right in given if right.verb not in ("list", "get")] == [
        rights.Right("delete", "", "namespaces", name="kubectl-skoop-r")
    ]


def test_with_an_account_that_is_there_only_the_job_is_made() -> None:
    (job,) = all_objects("r", (), SHARED)
    spec = mapping(job, "spec", "template", "spec")
    assert (dig(job, "metadata", "namespace"), dig(spec, "serviceAccountName")) == ("skoop", "gatherer")
    assert dig(items(spec, "volumes")[0], "persistentVolumeClaim", "claimName") == "files"
    kinds = [text(item, "kind") for item in all_objects("r", (), OWN)]
    assert kinds == [
        "Namespace",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ClusterRole",
        "ClusterRoleBinding",
        "Job",
    ]


def test_collectors_belong_to_the_pod_that_made_them() -> None:
    owned = job_object("n1", "ns", "r", CollectorOptions(image="i", owner=Owner("p", "u")))
    assert dig(owned, "metadata", "ownerReferences") == [
        {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
    ]
    assert "ownerReferences" not in mapping(
        job_object("n1", "ns", "r", CollectorOptions(image="i")), "metadata"
    )


def test_the_roles_of_the_docs_are_what_is_granted_and_asked_for() -> None:
    files = ("one-namespace.yaml", "cluster-user.yaml", "in-cluster.yaml", "in-cluster-user.yaml")
    rules: dict[tuple[str, str], set[tuple[str, str, str, str]]] = {}
    for item in (item for file in files for item in yaml.safe_load_all((ROLES / file).read_text())):
        held = rules.setdefault((text(item, "kind"), text(item, "metadata", "name")), set())
        for rule in items(item, "rules"):
            held |= {
                (str(group), str(resource), str(verb), str(name))
                for group in items(rule, "apiGroups")
                for resource in items(rule, "resources")
                for verb in items(rule, "verbs")
                for name in items(rule, "resourceNames") or [""]
            }

    def flat(wanted: tuple[rights.Right, ...]) -> set[tuple[str, str, str, str]]:
        return {(right.group, right.resource, right.verb, right.name) for right in wanted}

    readable = (*rights.reading(), *rights.beside(BUILT_IN))
    maps = {("", "configmaps", "get", name.partition("/")[2]) for name in config_maps(allowed())}
    assert flat(readable) | maps <= rules["ClusterRole", "kubectl-skoop-objects"]
    assert flat(rights.collecting("skoop", makes_namespace=False)) == rules["Role", "kubectl-skoop"]
    own = flat(rights.gathering("ns", makes_account=True))
    both = rules["ClusterRole", "kubectl-skoop"] | rules["ClusterRole", "kubectl-skoop-in-cluster"]
    assert (own | flat(readable) | maps) <= both
    assert own >= rules["ClusterRole", "kubectl-skoop-in-cluster"]
