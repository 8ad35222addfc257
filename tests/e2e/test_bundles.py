"""docs/bundles.md on a cluster: the image that must-gather runs, and the command of troubleshoot's spec."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e import collector_image, krew
from tests.e2e.cluster import Cluster
from tests.e2e.collector_image import BUNDLES, MUST_GATHER_NAME, NAME, ROOT
from tests.e2e.skoop import PROGRAM, TIMEOUT, Skoop
from tests.e2e.workloads import Workloads

pytestmark = pytest.mark.e2e

NAMESPACE = "openshift-must-gather-e2e"
IMAGE = {"SKOOP_IMAGE": NAME, "SKOOP_IMAGE_PULL_POLICY": "Never"}
FILES = {"check.json", "check.txt", "cluster.skoop", "snapshot.txt", "version.txt"}


@pytest.fixture
def administrator(cluster: Cluster) -> Iterator[str]:
    """A namespace whose default account is cluster-admin, as `oc adm must-gather` makes one."""
    cluster.kubectl("create", "namespace", NAMESPACE)
    account = f"--serviceaccount={NAMESPACE}:default"
    cluster.kubectl("create", "clusterrolebinding", NAMESPACE, "--clusterrole=cluster-admin", account)
    yield NAMESPACE
    cluster.kubectl("delete", "clusterrolebinding", NAMESPACE)
    cluster.kubectl("delete", "namespace", NAMESPACE)


def test_a_pod_of_the_must_gather_image_gathers(
    cluster: Cluster, skoop: Skoop, workloads: Workloads, administrator: str, tmp_path: Path
) -> None:
    cluster.import_image(collector_image.must_gather_image(krew.built_archive()))
    cluster.kubectl.apply(_pod(administrator))
    end = time.monotonic() + 2 * TIMEOUT
    said = ""
    while "check: exit code" not in said and time.monotonic() < end:
        time.sleep(1)
        said = cluster.kubectl("-n", administrator, "logs", "gather", "--ignore-errors")
    assert "snapshot: exit code 0\n" in said
    inside = ("-n", administrator, "exec", "gather", "--")
    folder = "/must-gather/kubectl-skoop"
    assert set(cluster.kubectl(*inside, "ls", folder).split()) >= FILES - {"check.json"}
    assert "API server     v1." in cluster.kubectl(*inside, "cat", f"{folder}/version.txt")
    nodes = cluster.kubectl(*inside, "kubectl-skoop", "inspect", "--snapshot", "/must-gather")
    assert all(name in nodes for name in cluster.nodes)


def test_the_command_of_the_support_bundle_gathers(
    cluster: Cluster, skoop: Skoop, workloads: Workloads, tmp_path: Path
) -> None:
    environment = {
        "PATH": f"{PROGRAM.parent}:{os.defpath}",
        "HOME": str(tmp_path),
        "KUBECONFIG": str(skoop.kubeconfig),
        "TS_OUTPUT_DIR": str(tmp_path / "files"),
        **IMAGE,
    }
    done = subprocess.run(
        [ROOT / BUNDLES / "gather"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * TIMEOUT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("snapshot: exit code 0\ncheck: exit code ")
    folder = tmp_path / "files" / "kubectl-skoop"
    assert {path.name for path in folder.iterdir()} == FILES
    assert json.loads((folder / "check.json").read_text())["kind"] == "Check"
    found = skoop.offline("inspect", "--snapshot", tmp_path)
    assert all(name in found.out for name in cluster.nodes)


def _pod(namespace: str) -> Mapping[str, object]:
    """gather, and then a shell that stays for the files to be looked at."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "gather", "namespace": namespace},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "gather",
                    "image": MUST_GATHER_NAME,
                    "imagePullPolicy": "Never",
                    "command": ["sh", "-c", "gather; exec sleep 1000"],
                    "env": [{"name": name, "value": value} for name, value in IMAGE.items()],
                }
            ],
        },
    }
