"""`connectivity` and `policies`: manifests, questions with their exit codes, formats, differences."""

import csv
import io
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.cli.run import PROGRAM, shell, skoop
from tests.report.html.check_page import check


def workload(name: str, namespace: str, port: int) -> dict[str, object]:
    container = {"name": "c", "env": [], "ports": [{"name": "http", "containerPort": port}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}},
    }


def policy(name: str, namespace: str, spec: object) -> dict[str, object]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


FROM_WEB = {
    "podSelector": {"matchLabels": {"app": "db"}},
    "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 5432}]}],
}
BASE: list[dict[str, object]] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
    workload("web", "shop", 80),
    workload("db", "shop", 5432),
    workload("job", "shop", 9),
]
TO_DB = ("--to", "deploy/shop/db")
FROM = ("--from", "deploy/shop/web", *TO_DB)
JOB = ("--from", "deploy/shop/job", *TO_DB)


def written(path: Path, *policies: object) -> Path:
    path.mkdir(exist_ok=True)
    (path / "all.yaml").write_text(yaml.safe_dump_all([*BASE, *policies]), "utf-8")
    return path


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    return written(tmp_path / "now", policy("db", "shop", FROM_WEB))


QUESTIONS: dict[str, tuple[Sequence[str], int, str]] = {
    "allowed": ((*FROM, "-p", "5432"), 0, "allowed"),
    "another port": ((*FROM, "-p", "80"), 1, "denied"),
    "a port's name": ((*FROM, "-p", "http"), 0, "allowed"),
    "another sender": ((*JOB, "-p", "5432"), 1, "denied"),
    "an address outside": (("--from", "8.8.8.8", *TO_DB, "-p", "5432"), 1, "denied"),
    "a ping": ((*FROM, "--protocol", "icmp"), 1, "denied"),
    "a pod's bare name": (("--from", "pod/web", "--to", "shop/db", "-p", "5432"), 0, "allowed"),
    "a namespace by -n": (
        ("--from", "deploy/web", "--to", "deploy/db", "-n", "shop", "-p", "5432"),
        0,
        "allowed",
    ),
}


@pytest.mark.parametrize(("words", "code", "verdict"), QUESTIONS.values(), ids=QUESTIONS)
def test_one_question(manifests: Path, words: Sequence[str], code: int, verdict: str) -> None:
    ran = skoop("connectivity", "--manifests", manifests, *words)
    assert (ran.code, ran.err, ran.out.partition(":")[0]) == (code, "", verdict)
    as_json = skoop("connectivity", "--manifests", manifests, *words, "-o", "json")
    assert (as_json.code, json.loads(as_json.out)["verdict"]) == (code, verdict)


def test_an_unknown_answer_exits_3_and_says_why(tmp_path: Path) -> None:
    later = policy("db", "shop", {"podSelector": {}, "ingress": [{"from": [{"serviceSelector": {}}]}]})
    ran = skoop("connectivity", "--manifests", written(tmp_path / "m", later), *FROM, "-p", "80")
    assert ran.code == 3
    assert "unknown field of a peer: serviceSelector" in ran.out


ERRORS: dict[str, tuple[Sequence[str], str]] = {
    "no such workload": (
        ("--from", "deploy/shop/wbe", *TO_DB, "-p", "1"),
        "there is no pod of Deployment wbe",
    ),
    "no such port name": ((*FROM, "-p", "https"), "no port https of TCP: http (5432/TCP)"),
    "a port out of range": ((*FROM, "-p", "65536"), "port 65536"),
    "a port without ends": (("-p", "80"), "-p is for one question"),
    "nothing of the name": (("--from", "ns/none"), "no namespace with pods named none"),
    "a name that is nearly right": (("--from", "shop/wbe"), "the nearest: deploy/shop/web"),
    "a difference from somebody": (("--from", "shop/web", "--diff", "x"), "--diff compares everything"),
    "a difference of the exposure": (("--exposure", "--diff", "x"), "--diff compares everything"),
    "an exposure to somebody": (("--exposure", "--from", "shop/web"), "--exposure tells who may reach pods"),
    "manifests and a snapshot": (("--snapshot", "x"), "--snapshot and --manifests: ask one of them"),
    "a format that a question does not have": ((*FROM, "-p", "80", "-o", "dot"), "no output dot"),
}


@pytest.mark.parametrize(("words", "message"), ERRORS.values(), ids=ERRORS)
def test_wrong_requests(manifests: Path, words: Sequence[str], message: str) -> None:
    ran = skoop("connectivity", "--manifests", manifests, *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_nothing_to_read() -> None:
    ran = skoop("connectivity")
    assert (ran.code, "no cluster to ask" in ran.err) == (2, True)


def test_table_and_explanation(manifests: Path) -> None:
    ran = skoop("connectivity", "--manifests", manifests, *TO_DB, "--explain")
    assert ran.code == 0
    assert "deploy/shop/web   deploy/shop/db   TCP 5432" in ran.out
    assert "NetworkPolicy shop/db" in ran.out


def test_csv_has_a_line_for_each_pair(manifests: Path) -> None:
    rows = list(csv.reader(io.StringIO(skoop("connectivity", "--manifests", manifests, "-o", "csv").out)))
    assert rows[0] == ["from", "to", "ports", "verdict"]
    assert ["deploy/shop/web", "deploy/shop/db", "TCP 5432", "allowed"] in rows
    assert not any(row[:2] == ["deploy/shop/job", "deploy/shop/db"] for row in rows)


def test_json_has_what_is_allowed(manifests: Path) -> None:
    found = json.loads(skoop("connectivity", "--manifests", manifests, "-o", "json").out)
    ids = {one["workloads"][0]: one["id"] for one in found["classes"]}
    to_db = [entry for entry in found["connections"] if entry["to"] == ids["deploy/shop/db"]]
    assert to_db == [
        {
            "to": ids["deploy/shop/db"],
            "from": [ids["deploy/shop/web"]],
            "ports": "TCP 5432",
            "verdict": "allowed",
        }
    ]


@pytest.mark.parametrize(
    ("form", "part"),
    [
        ("markdown", "| deploy/shop/web | deploy/shop/db | TCP 5432 | allowed |"),
        ("md", "| deploy/shop/web | deploy/shop/db | TCP 5432 | allowed |"),
        ("dot", '"deploy/shop/web" -> "deploy/shop/db" [label="TCP 5432"];'),
        ("html", 'class="cell allowed"><span aria-hidden="true">✓</span> TCP 5432</td>'),
    ],
)
def test_other_formats(manifests: Path, form: str, part: str) -> None:
    ran = skoop("connectivity", "--manifests", manifests, "-o", form)
    assert (ran.code, ran.err) == (0, "")
    assert part in ran.out


def test_pods_that_no_policy_tells_apart_are_open_to_each_other(tmp_path: Path) -> None:
    """They are one class; it is open to the whole cluster only if its pods reach each other, too."""
    shown = skoop("connectivity", "--manifests", written(tmp_path / "open"), "--exposure").out
    assert "deploy/shop/db, deploy/shop/job, deploy/shop/web   the whole cluster   all" in shown
    not_each_other = {
        "podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "job"]}]},
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "db"}}}]}],
    }
    path = written(tmp_path / "apart", policy("apart", "shop", not_each_other))
    assert "the whole cluster" not in "".join(
        line
        for line in skoop("connectivity", "--manifests", path, "--exposure").out.splitlines()
        if "job" in line
    )


def test_exposure(manifests: Path) -> None:
    lines = skoop("connectivity", "--manifests", manifests, "--exposure").out.splitlines()
    assert [line.split() for line in lines[1:3]] == [
        ["deploy/shop/job", "the", "whole", "cluster", "all"],
        ["deploy/shop/job", "the", "internet", "all"],
    ]
    assert not any(line.startswith("deploy/shop/db") for line in lines)


def test_difference(manifests: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other")
    same = skoop("connectivity", "--manifests", manifests, "--diff", manifests)
    assert (same.code, same.out) == (0, "no difference\n")
    ran = skoop("connectivity", "--manifests", manifests, "--diff", other, "-o", "json")
    assert ran.code == 1
    changes = {(entry["from"], entry["before"], entry["after"]) for entry in json.loads(ran.out)["changes"]}
    assert changes == {
        ("deploy/shop/job", "none", "all"),
        ("deploy/shop/web", "TCP 5432", "all"),
        ("outside", "none", "all"),
    }


def test_a_snapshot_is_asked_the_same_way(snapshot: Path) -> None:
    ran = skoop("connectivity", "--snapshot", snapshot, "--from", "default/a", "--to", "shop/c", "-p", "80")
    assert (ran.code, ran.out.partition(":")[0]) == (0, "allowed")


def test_policies_lists_what_each_selects(manifests: Path) -> None:
    ran = skoop("policies", "--manifests", manifests)
    assert ran.code == 0
    assert ran.out.splitlines()[1].split() == [
        "NetworkPolicy",
        "shop/db",
        "default",
        "ingress",
        "1",
        "deploy/shop/db",
    ]
    one = skoop("policies", "--manifests", manifests, "--policy", "shop/db", "-o", "json")
    assert json.loads(one.out)["policies"][0]["selects"] == ["deploy/shop/db"]
    assert skoop("policies", "--manifests", manifests, "--policy", "none").code == 2


def test_policies_of_one_pod_and_between_two(manifests: Path) -> None:
    one = skoop("policies", "--manifests", manifests, "-d", "shop/db")
    assert (one.code, "  NetworkPolicy shop/db" in one.out) == (0, True)
    free = skoop("policies", "--manifests", manifests, "-s", "shop/db")
    assert "none: it is free" in free.out
    both = skoop("policies", "--manifests", manifests, "-s", "shop/job", "-d", "shop/db", "-p", "5432")
    assert (both.code, "no rule of NetworkPolicy shop/db lets it through" in both.out) == (1, True)


def test_an_invalid_policy_is_listed_and_exits_1(tmp_path: Path) -> None:
    broken = policy("p", "shop", {"podSelector": {}, "ingress": [{"ports": [{"port": 0}]}]})
    ran = skoop("policies", "--manifests", written(tmp_path / "m", broken))
    assert ran.code == 1
    assert "NetworkPolicy shop/p   spec.ingress[0]   port 0: 1 to 65535" in ran.out


def test_what_a_policy_of_an_unknown_version_may_select_is_told(tmp_path: Path) -> None:
    later = policy("p", "shop", {"podSelector": {}}) | {"apiVersion": "networking.k8s.io/v2"}
    ran = skoop("policies", "--manifests", written(tmp_path / "m", later))
    (row,) = (line for line in ran.out.splitlines() if line.startswith("NetworkPolicy shop/p   default"))
    assert row.endswith("egress, ingress   0      perhaps deploy/shop/db, deploy/shop/job, deploy/shop/web")


def test_reasons_are_told_of_what_is_shown_as_unknown_alone(tmp_path: Path) -> None:
    level_7 = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {
            "endpointSelector": {"matchLabels": {"app": "web"}},
            "ingress": [
                {"toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}], "rules": {"http": [{}]}}]}
            ],
        },
    }
    path = written(tmp_path / "m", level_7)
    to_web = skoop("connectivity", "--manifests", path, "--from", "shop/db", "--to", "shop/web").out
    assert "TCP 80   unknown" in to_web
    assert "it depends on layer 7" in to_web
    from_web = skoop("connectivity", "--manifests", path, "--from", "shop/web", "--to", "shop/db").out
    assert "layer 7" not in from_web


def test_names_are_escaped_in_html(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "<b>\x1b", "namespace": "x"}}
    path.write_text(json.dumps(pod), "utf-8")
    for form in ("html", "table", "md"):
        out = skoop("connectivity", "--manifests", path, "-o", form).out
        assert "<b>" not in out or form == "table"
        if form == "html":
            assert check(out).scripts == 1
        assert "\x1b" not in out


WRONG_POLICIES = {
    "a port without ends": (("-s", "shop/web", "-p", "80"), "-p is for one question"),
    "a policy and a pod": (("-s", "shop/web", "--policy", "db"), "--policy asks what a policy selects"),
    "no such policy": (("--policy", "shop/dbb"), "there is no policy shop/dbb; the nearest: shop/db"),
}


@pytest.mark.parametrize(("words", "message"), WRONG_POLICIES.values(), ids=WRONG_POLICIES)
def test_wrong_requests_of_policies(manifests: Path, words: Sequence[str], message: str) -> None:
    ran = skoop("policies", "--manifests", manifests, *words)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1


def test_programs_are_told_all_blocks_of_the_outside(tmp_path: Path) -> None:
    block = {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}
    files = written(
        tmp_path / "m",
        policy("block", "shop", {"podSelector": {}, "ingress": [{"from": [{"ipBlock": block}]}]}),
    )
    told = json.loads(skoop("connectivity", "--manifests", files, "-o", "json").out)["fromOutside"]
    assert any(entry["from"].endswith("10.64.0.0/10, 10.128.0.0/9") for entry in told)
    assert "10.64.0.0/10, 10.128.0.0/9" in skoop("connectivity", "--manifests", files, "-o", "csv").out
    assert "and 2 more" in skoop("connectivity", "--manifests", files).out


def test_manifests_come_by_standard_input_too(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole", policy("db", "shop", FROM_WEB)) / "all.yaml"
    of_file = skoop("connectivity", "--manifests", whole)
    piped = shell("connectivity", "--manifests", "-", stdin=whole.read_text("utf-8"))
    assert (piped.code, piped.out, piped.err) == (0, of_file.out, "")
    without = yaml.safe_dump_all(BASE)
    changed = shell("connectivity", "--manifests", whole, "--diff", "-", stdin=without)
    assert changed.code == 1
    several = shell("connectivity", "--manifests", tmp_path / "whole", "-", "--diff", whole, stdin=without)
    assert (several.code, several.err) == (0, "")
    assert shell("connectivity", "--manifests", "-", stdin="kind: [").err.startswith("error: /dev/stdin:2:")


def test_names_are_completed_without_waiting_for_standard_input(tmp_path: Path) -> None:
    folder = written(tmp_path / "whole")
    reading, writing = os.pipe()
    words = ("connectivity", "--manifests", folder, "-", "--to", "deploy/shop/")
    with os.fdopen(reading), os.fdopen(writing, "w"):
        done = subprocess.run(
            [PROGRAM, "__complete", *words],
            stdin=reading,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    assert "deploy/shop/db" in done.stdout


def test_manifests_without_pods_are_not_taken_for_a_cluster_that_allows_nothing(tmp_path: Path) -> None:
    """What a pipeline gets from a step that failed."""
    assert shell("connectivity", "--manifests", "-", stdin="").out == "there are no pods\n"
    deny = policy("all", "shop", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
    assert skoop("connectivity", "--manifests", written(tmp_path / "m", deny)).out == "nothing is allowed\n"
