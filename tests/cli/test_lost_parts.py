"""What a damaged or incomplete snapshot lacks is told by every command; nothing is made of its absence."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Missing
from kubectl_skoop.model.errors import NoVerdict
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.dump import NodeDump
from kubectl_skoop.snapshot.format import SectionRef
from kubectl_skoop.snapshot.index import NodeEntry
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.snapshot.write import writing
from kubectl_skoop.web.connecting import connectivity_of
from tests.cli.run import Ran, skoop
from tests.cli.test_connectivity import policy
from tests.golden.cases import SNAPSHOTS

HEALTHY = SNAPSHOTS / "healthy-vxlan.skoop"
DEAD_BACKEND = SNAPSHOTS / "dead-backend.skoop"
TO_SERVICE = ("pod/default/a", "svc/default/pair", "-p", "80")
TO_POD = ("pod/default/a", "pod/default/b", "-p", "8080")


def damaged(path: Path, whole: Path, section: SectionRef) -> Path:
    content = bytearray(whole.read_bytes())
    content[section.offset + section.size * 3 // 4] ^= 0x55
    path.write_bytes(content)
    return path


def without(path: Path, kind: str, whole: Path = HEALTHY) -> Path:
    """Of its objects that kind is damaged."""
    snapshot = open_snapshot(whole)
    shards = snapshot.file.index.objects[kind]
    snapshot.close()
    assert not isinstance(shards, NotCollected)
    return damaged(path, whole, shards[0].section)


def without_pod(path: Path, pod: str = "default/a") -> Path:
    """Its network namespace is damaged."""
    snapshot = open_snapshot(HEALTHY)
    node = snapshot.node("n1")
    snapshot.close()
    assert isinstance(node, NodeEntry)
    return damaged(path, HEALTHY, next(one.section for one in node.namespaces if pod in one.pods))


def cut(path: Path, share: float = 0.9999) -> Path:
    content = HEALTHY.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def gathered_without(path: Path, kind: str, whole: Path, *more: Object) -> Path:
    """As if somebody had not asked the cluster for that kind. `more`: objects beside those of the file."""
    snapshot: Snapshot = open_snapshot(whole)
    found = {one: snapshot.objects(one) for one in snapshot.kinds() if one != kind}
    snapshot.close()
    items = [item for each in found.values() if not isinstance(each, NotCollected) for item in each]
    items += more
    listed = path.with_suffix(".json")
    listed.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    assert skoop("snapshot", "-f", path, "--node-dump", whole, "--objects", listed).code == ExitCode.OK
    return path


@pytest.mark.parametrize("kind", ["ConfigMap", "DaemonSet", "EndpointSlice", "Node", "Pod", "Service"])
def test_check_names_objects_that_are_lost(kind: str, tmp_path: Path) -> None:
    ran = skoop("check", "--snapshot", without(tmp_path / "lost.skoop", kind))
    assert ran.code == ExitCode.NO_VERDICT
    assert f"objects/{kind}" in ran.out + ran.err


@pytest.mark.parametrize("make", [without, gathered_without], ids=["damaged", "not gathered"])
def test_without_endpointslices_no_backend_is_called_a_stranger(make: object, tmp_path: Path) -> None:
    assert callable(make)
    file = make(tmp_path / "lost.skoop", "EndpointSlice", DEAD_BACKEND)
    checked = skoop("check", "--snapshot", file)
    assert "no endpoint" not in checked.out
    assert checked.out.count("objects/EndpointSlice: ") == 1
    assert checked.code == ExitCode.NO_VERDICT
    assert checked.err == "error: not everything could be checked: 1 gap, listed under missing data\n"
    answer = json.loads(skoop("diagnose", *TO_SERVICE, "--snapshot", file, "-o", "json").out)
    assert answer["cause"]["code"] == "neighbour.unresolved"
    assert not [one for one in answer["suspicions"] if one["code"].startswith("service.")]


def test_without_endpointslices_a_service_is_asked_although_there_are_policies(tmp_path: Path) -> None:
    deny = policy("deny", "default", {"podSelector": {}, "policyTypes": ["Ingress"]})
    file = gathered_without(tmp_path / "lost.skoop", "EndpointSlice", HEALTHY, deny)
    ran = skoop("diagnose", *TO_SERVICE, "--snapshot", file)
    assert (ran.code, ran.err) == (ExitCode.OK, "")


def test_without_endpointslices_a_question_to_a_service_about_policies_has_no_answer(tmp_path: Path) -> None:
    file = gathered_without(tmp_path / "lost.skoop", "EndpointSlice", HEALTHY)
    words = ("--from", "default/a", "--to", "svc/default/pair", "-p", "80")
    ran = skoop("connectivity", *words, "--snapshot", file)
    assert ran.code == ExitCode.NO_VERDICT
    assert ran.err == "error: who serves default/pair is not known: objects/EndpointSlice: not collected\n"


def test_without_endpointslices_a_headless_service_cannot_be_asked(tmp_path: Path) -> None:
    spec = {"clusterIP": "None", "ports": [{"port": 80}], "selector": {"app": "b"}}
    headless = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bare", "namespace": "default"}}
    file = gathered_without(tmp_path / "lost.skoop", "EndpointSlice", HEALTHY, {**headless, "spec": spec})
    ran = skoop("diagnose", "pod/default/a", "svc/default/bare", "-p", "80", "--snapshot", file)
    assert ran.code == ExitCode.NO_VERDICT
    assert ran.err == (
        "error: who serves the headless service default/bare is not known: "
        "objects/EndpointSlice: not collected\n"
    )


def test_an_answer_says_that_objects_are_lost(tmp_path: Path) -> None:
    ran = skoop("diagnose", *TO_POD, "--snapshot", without(tmp_path / "lost.skoop", "ConfigMap"))
    assert ran.code == ExitCode.OK
    assert ran.err.startswith("warning: objects/ConfigMap: lost (")


@pytest.mark.parametrize("lost", ["ConfigMap", "index"])
def test_what_an_answer_lacked_is_in_every_format_that_has_a_place_for_it(lost: str, tmp_path: Path) -> None:
    file = tmp_path / "lost.skoop"
    file = cut(file) if lost == "index" else without(file, lost)
    what = "index" if lost == "index" else f"objects/{lost}"

    def printed(output: str) -> str:
        return skoop("diagnose", *TO_POD, "--snapshot", file, "-o", output).out

    missing = json.loads(printed("json"))["missing"]
    assert (missing[0]["what"], {gap["state"] for gap in missing}) == (what, {"lost"})
    assert missing == yaml.safe_load(printed("yaml"))["missing"]
    said = f"{what}: lost ({missing[0]['reason']})"
    suspicions = json.loads(printed("kubeskoop-json"))["cluster"]["suspicions"]
    assert suspicions[0] == {"level": 0, "message": f"missing data: {said}"}
    assert f"<code>{what}</code>: lost" in printed("html").partition("Missing data")[2]
    assert f"Missing data\n  {said}\n" in printed("table")
    for output in ("markdown", "sarif"):
        assert what in printed(output)


def test_an_answer_names_objects_that_nobody_was_allowed_to_list(tmp_path: Path) -> None:
    forbidden = NotCollected("objects/DaemonSet", "forbidden", "daemonsets is forbidden")
    source = open_snapshot(gathered_without(tmp_path / "forbidden.skoop", "DaemonSet", HEALTHY))
    source.file.lost = (forbidden,)
    answer = diagnose(source, Request(source=TO_POD[0], destination=TO_POD[1], port="8080"), Options())
    source.close()
    assert answer.missing == (Missing(forbidden.what, forbidden.state, forbidden.reason),)


@pytest.mark.parametrize("words", [("connectivity",), ("policies",)], ids=" ".join)
@pytest.mark.parametrize("lost", ["Pod", "index"])
def test_policies_are_not_judged_by_what_is_left(words: Sequence[str], lost: str, tmp_path: Path) -> None:
    file = tmp_path / "lost.skoop"
    file = cut(file) if lost == "index" else without(file, lost)
    ran = skoop(*words, "--snapshot", file)
    assert ran.code == ExitCode.NO_VERDICT
    assert lost in ran.err
    assert "the answer rests on what is whole" in ran.err


@pytest.mark.parametrize("lost", ["Pod", "index"])
def test_the_matrix_of_a_damaged_file_is_not_shown(lost: str, tmp_path: Path) -> None:
    file = tmp_path / "lost.skoop"
    file = cut(file) if lost == "index" else without(file, lost)
    with pytest.raises(NoVerdict, match=f"does not tell who may talk to whom: .*{lost}: lost"):
        connectivity_of(file)


def redacted(file: Path, to: Path) -> Ran:
    return skoop("redact", file, to)


def assembled(file: Path, to: Path) -> Ran:
    return skoop("snapshot", "-f", to, "--node-dump", file)


@pytest.mark.parametrize("write_anew", [redacted, assembled])
def test_what_is_damaged_stays_so_in_a_file_that_is_made_of_it(write_anew: object, tmp_path: Path) -> None:
    assert callable(write_anew)
    write_anew(without_pod(tmp_path / "lost.skoop"), tmp_path / "new.skoop")
    ran = skoop("check", "--snapshot", tmp_path / "new.skoop")
    assert ran.code == ExitCode.NO_VERDICT
    assert "pod/default/" in ran.out
    assert "not everything could be checked: " in ran.err


@pytest.mark.parametrize("lost", ["Service", "index"])
def test_redacting_tells_what_the_original_has_lost(lost: str, tmp_path: Path) -> None:
    file = tmp_path / "lost.skoop"
    file = cut(file) if lost == "index" else without(file, lost)
    ran = redacted(file, tmp_path / "new.skoop")
    assert ran.code == ExitCode.OK
    assert f"{lost}: lost (" in ran.err
    assert ran.err.startswith("warning: ")
    shown = skoop("inspect", "--snapshot", tmp_path / "new.skoop").out
    assert f"{lost}: lost" in shown.partition("missing:\n")[2]


def test_assembling_tells_what_a_dump_has_lost(tmp_path: Path) -> None:
    ran = assembled(without_pod(tmp_path / "lost.skoop"), tmp_path / "new.skoop")
    assert ran.code == ExitCode.NO_VERDICT
    assert "pod/default/a: lost (the dump's file is damaged there)" in ran.err
    shown = skoop("inspect", "--snapshot", tmp_path / "new.skoop").out
    assert "default/a   -             -         -        the dump's file is damaged there" in shown


def test_inspect_names_objects_that_are_lost(tmp_path: Path) -> None:
    shown = skoop("inspect", "--snapshot", without(tmp_path / "lost.skoop", "Service")).out
    assert "missing:\n  objects/Service: lost (" in shown


def test_a_lost_namespace_is_not_gone(tmp_path: Path) -> None:
    file = without_pod(tmp_path / "lost.skoop")
    for before, after, which in ((HEALTHY, file, "after"), (file, HEALTHY, "before")):
        ran = skoop("diff", before, after)
        assert ran.code == ExitCode.NO_VERDICT
        assert f"pod/default/a: {which}: lost: pod/default/a: damaged" in ran.out
        assert ran.err == "error: 1 part could not be compared; what could is the same\n"


@pytest.mark.parametrize("share", [0.9999, 0.002], ids=["its end", "nearly all"])
def test_two_files_that_are_cut_off_are_not_the_same(share: float, tmp_path: Path) -> None:
    file = cut(tmp_path / "lost.skoop", share)
    ran = skoop("diff", file, file)
    assert ran.code == ExitCode.NO_VERDICT
    assert "index: before: lost" in ran.out
    assert "index: after: lost" in ran.out


def test_without_objects_nothing_was_checked(tmp_path: Path) -> None:
    """Of a node's bare dump."""
    assembled(HEALTHY, tmp_path / "bare.skoop")
    ran = skoop("check", "--snapshot", tmp_path / "bare.skoop")
    assert ran.code == ExitCode.NO_VERDICT
    assert "Missing data\n  objects/Node: not collected\n  objects/Service: not collected\n" in ran.out


@pytest.mark.parametrize(
    "words",
    [
        ("connectivity",),
        ("connectivity", "--from", "default/a", "--to", "default/b", "-p", "80"),
        ("policies", "-s", "default/a"),
    ],
    ids=" ".join,
)
def test_that_policies_were_not_gathered_is_told(words: Sequence[str], tmp_path: Path) -> None:
    told = "warning: objects/NetworkPolicy: not collected; the answer holds if there is none\n"
    assert skoop(*words, "--snapshot", HEALTHY).err == told
    listed = tmp_path / "policies.json"
    listed.write_text('{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": []}')
    objects = gathered_without(tmp_path / "new.skoop", "none", HEALTHY).with_suffix(".json")
    file = tmp_path / "whole.skoop"
    skoop("snapshot", "-f", file, "--node-dump", HEALTHY, "--objects", objects, listed)
    assert skoop(*words, "--snapshot", file).err == ""


def test_without_endpointslices_no_node_is_said_to_have_an_endpoint(tmp_path: Path) -> None:
    """Where a load balancer that nobody describes leads only to nodes that have one."""
    balanced: Object = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "balanced", "namespace": "default"},
        "spec": {
            "type": "LoadBalancer",
            "externalTrafficPolicy": "Local",
            "clusterIP": "10.96.0.99",
            "ports": [{"port": 80, "nodePort": 30099}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.9"}]}},
    }
    file = gathered_without(tmp_path / "lost.skoop", "EndpointSlice", HEALTHY, balanced)
    words = ("203.0.113.7", "svc/default/balanced", "-p", "80")
    told = json.loads(skoop("diagnose", *words, "--snapshot", file, "-o", "json").out)["assumptions"]
    assert [one for one in told if "198.51.100.9 is led to a node;" in one], told


def test_a_check_counts_pods_that_the_agents_did_not_find(tmp_path: Path) -> None:
    """They may have ended meanwhile: no gap, and no finding."""
    whole, file = open_snapshot(HEALTHY), tmp_path / "ended.skoop"
    with writing(file, whole.header) as writer:
        for kind in whole.kinds():
            found = whole.objects(kind)
            assert not isinstance(found, NotCollected)
            writer.add_objects(kind, found)
        for name in whole.nodes():
            dump = whole.node_dump(name)
            assert isinstance(dump, NodeDump)
            kept = tuple(one for one in dump.namespaces if "default/a" not in one.pods)
            gone = len(kept) < len(dump.namespaces)
            writer.add_node(
                dump._replace(namespaces=kept), ["pod/default/a: no process of it is on the node"] * gone
            )
    whole.close()
    ran = skoop("check", "--snapshot", file, "-o", "json")
    facts = {fact["name"]: fact["value"] for fact in json.loads(ran.out)["facts"]}
    assert (ran.code, facts["pods not read"]) == (ExitCode.OK, "1")
    assert "default/a   -" in skoop("inspect", "--snapshot", file).out


@pytest.mark.parametrize("words", [("connectivity",), ("policies",)], ids=" ".join)
def test_without_pods_nothing_is_said_of_policies(words: Sequence[str], tmp_path: Path) -> None:
    file = gathered_without(tmp_path / "without.skoop", "Pod", HEALTHY)
    ran = skoop(*words, "--snapshot", file)
    assert (ran.code, ran.out) == (ExitCode.NO_VERDICT, "")
    assert ran.err == "error: objects/Pod: not collected; whom policies select is not known\n"
    with pytest.raises(NoVerdict, match="whom policies select is not known"):
        connectivity_of(file)


def test_a_page_says_on_what_it_rests(tmp_path: Path) -> None:
    without_policies = skoop("connectivity", "-o", "html", "--snapshot", HEALTHY).out
    assert "objects/NetworkPolicy: not collected; the answer holds if there is none" in without_policies
    deny = policy("deny", "default", {"podSelector": {}})
    file = gathered_without(tmp_path / "with.skoop", "none", HEALTHY, deny)
    assert "not collected" not in skoop("connectivity", "-o", "html", "--snapshot", file).out
