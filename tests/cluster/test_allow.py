"""Only what is on the list goes into a snapshot."""

import pytest

from kubectl_skoop.cluster.allow import ANNOTATIONS, prune
from kubectl_skoop.cluster.objects import Object

SECRET = "s3cr3t"


def item(api: str, kind: str, **more: object) -> dict[str, object]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "x", "namespace": "kube-system"}, **more}


@pytest.mark.parametrize(
    "unwanted",
    [
        item("v1", "Secret", data={"a": SECRET}),
        item("v1", "ConfigMap", data={"a": SECRET}),
        item("apps/v1", "Deployment"),
        item("serving.knative.dev/v1", "Service"),
        item("extensions.example.org/v1", "NetworkPolicy"),
        item("whereabouts.cni.cncf.io/v1alpha1", "IPPool"),
        {"kind": 7},
        {},
    ],
    ids=lambda value: f"{value.get('apiVersion')} {value.get('kind')}",
)
def test_other_objects_are_left_out(unwanted: Object) -> None:
    assert prune(unwanted) is None


@pytest.mark.parametrize(
    "source",
    [
        item(
            "v1",
            "Pod",
            spec={
                "nodeName": "n1",
                "containers": [
                    {
                        "name": "c",
                        "image": SECRET,
                        "env": [{"name": "PASSWORD", "value": SECRET}],
                        "args": [SECRET],
                        "ports": [{"containerPort": 80, "extra": SECRET}],
                    }
                ],
                "volumes": [{"name": SECRET}],
            },
            status={
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True", "message": SECRET}],
            },
        ),
        item("v1", "Node", status={"images": [{"names": [SECRET]}], "nodeInfo": {"machineID": SECRET}}),
        item(
            "apps/v1",
            "DaemonSet",
            spec={"template": {"spec": {"containers": [{"image": "i", "env": [{"value": SECRET}]}]}}},
        ),
        item(
            "v1",
            "Service",
            spec={"clusterIP": {"nested": SECRET}, "ports": [{"port": [[SECRET], {"a": SECRET}]}]},
        ),
    ],
    ids=["a pod", "a node", "a DaemonSet", "maps where scalars belong"],
)
def test_what_is_not_listed_is_left_out(source: dict[str, object]) -> None:
    source["metadata"] = {"name": "x", "annotations": {"a": SECRET}, "managedFields": [SECRET]}
    kept = prune(source)
    assert kept is not None
    assert SECRET not in str(kept)


def test_listed_annotations_are_kept() -> None:
    source = item("v1", "Node")
    source["metadata"] = {"name": "n1", "annotations": dict.fromkeys((*ANNOTATIONS, "other"), "x")}
    assert prune(source) == {
        "kind": "Node",
        "metadata": {"name": "n1", "annotations": dict.fromkeys(ANNOTATIONS, "x")},
    }


@pytest.mark.parametrize(
    ("kind", "kept"), [("Node", {"creationTimestamp": "2026-01-01T00:00:00Z"}), ("Pod", {})]
)
def test_of_nodes_it_is_kept_when_they_were_created(kind: str, kept: dict[str, str]) -> None:
    metadata = {"name": "x", "namespace": "shop"}
    created = {"creationTimestamp": "2026-01-01T00:00:00Z"}
    item = {"apiVersion": "v1", "kind": kind, "metadata": {**metadata, **created}}
    assert prune(item) == {"kind": kind, "metadata": {**metadata, **kept}}


def test_of_kube_proxy_only_what_a_diagnosis_asks_for_is_kept() -> None:
    config = (
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nclientConnection:\n  kubeconfig: s3cr3t\n"
        'clusterCIDR: "10.244.0.0/16"\nmode: ipvs\nipvs:\n  mode: other\n'
        "iptables:\n  localhostNodePorts: null\n  masqueradeAll: true\n  masqueradeBit: 14\n"
    )
    source = item("v1", "ConfigMap", data={"config.conf": config, "kubeconfig.conf": SECRET})
    source["metadata"] = {"name": "kube-proxy", "namespace": "kube-system"}
    kept = prune(source)
    assert kept is not None
    told = 'clusterCIDR: "10.244.0.0/16"\nmode: ipvs\niptables:\n  masqueradeAll: true\n'
    assert kept["data"] == {"config.conf": told}


def test_a_long_section_of_kube_proxy_without_what_is_asked_for_is_read_at_once() -> None:
    """Each of its lines could once be taken in as many ways as it is indented: it never ended."""
    section = "iptables:\n" + "        comment: '1'\n" * 100
    source = item("v1", "ConfigMap", data={"config.conf": f"{section}mode: ipvs\n"})
    source["metadata"] = {"name": "kube-proxy", "namespace": "kube-system"}
    kept = prune(source)
    assert kept is not None
    assert kept["data"] == {"config.conf": "mode: ipvs\n"}


def test_of_flannel_the_network_is_kept() -> None:
    source = item(
        "v1", "ConfigMap", data={"net-conf.json": '{"Network": "10.244.0.0/16"}', "cni-conf.json": SECRET}
    )
    source["metadata"] = {"name": "kube-flannel-cfg", "namespace": "kube-flannel"}
    kept = prune(source)
    assert kept is not None
    assert kept["data"] == {"net-conf.json": '{"Network": "10.244.0.0/16"}'}


@pytest.mark.parametrize("api", ["crd.projectcalico.org/v1", "projectcalico.org/v3"])
def test_calico_is_known_in_both_of_its_groups(api: str) -> None:
    pool = prune(item(api, "IPPool", spec={"cidr": "10.0.0.0/8", "ipipMode": "Never"}))
    node = prune(item(api, "Node", spec={"bgp": {"ipv4Address": "10.0.0.1/24"}}))
    assert pool is not None
    assert (pool["kind"], pool["spec"]) == ("IPPool", {"cidr": "10.0.0.0/8", "ipipMode": "Never"})
    assert node is not None
    assert node["kind"] == "CalicoNode"


def test_a_namespaced_object_of_a_manifest_is_in_default() -> None:
    kept = prune({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}})
    assert kept is not None
    assert kept["metadata"] == {"name": "x", "namespace": "default"}
