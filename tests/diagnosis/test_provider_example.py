"""The example of docs/write-a-provider.md is a provider, and the guide names all that it may implement."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from inspect import signature
from pathlib import Path

import pytest

from kubectl_skoop.api import InfraFile, InfraShim, InputError, Level, NotCollected, Suspicion
from kubectl_skoop.cluster.raw import Object, mapping, ref_of
from kubectl_skoop.diagnosis import underlay_check
from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.extension import registry
from kubectl_skoop.diagnosis.extension.entry_point import EntryPoint
from kubectl_skoop.diagnosis.extension.infra import gather
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.snapshot.assemble import assemble
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from tests.cli.run import shell

ROOT = Path(__file__).parents[2]
SNAPSHOT = ROOT / "snapshots" / "healthy-vxlan.skoop"
DENY = {"source": "203.0.113.0/24", "port": 30080, "action": "deny", "password": "hush"}
ALLOW = {"source": "203.0.113.7/32", "port": 30080, "action": "allow"}


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Snapshot]:
    """A snapshot of that cloud, with the package installed."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "examples" / "examplecloud")
    ours = registry.installed
    example = EntryPoint("examplecloud", "examplecloud:Examplecloud", registry.PROVIDERS)

    def with_example(group: str) -> dict[str, EntryPoint]:
        return {**ours(group), **({"examplecloud": example} if group == registry.PROVIDERS else {})}

    monkeypatch.setattr(registry, "installed", with_example)
    objects: dict[str, Sequence[Object]] = {}
    with closing(open_snapshot(SNAPSHOT)) as plain:
        for kind in plain.kinds():
            items = plain.objects(kind)
            assert not isinstance(items, NotCollected)
            objects[kind] = [_of_the_cloud(item) for item in items]
    assemble([SNAPSHOT], objects, tmp_path / "s", time=1.0)
    with closing(open_snapshot(tmp_path / "s")) as opened:
        yield opened
    sys.modules.pop("examplecloud", None)


def _of_the_cloud(item: Object) -> Object:
    if ref_of(item).kind != "Node":
        return item
    return {**item, "spec": {**mapping(item, "spec"), "providerID": f"examplecloud://{ref_of(item).name}"}}


def ask(source: Snapshot, *rules: object) -> Diagnosis:
    if rules:
        file = InfraFile("rules.json", json.dumps({"rules": rules}).encode())
        provider, fields = gather(source, Options(), [file])
        assert not isinstance(fields, NotCollected)
        assert "hush" not in json.dumps(fields)
        source.give_infra(provider, fields)
    return diagnose(source, Request(source="203.0.113.7", destination="svc/default/web"), Options())


def test_it_is_detected_and_says_what_it_lacks(source: Snapshot) -> None:
    diagnosis = ask(source)
    assert [fact.source for fact in diagnosis.facts if fact.value == "examplecloud"] == [
        "providerID of node n1"
    ]
    assert diagnosis.verdict == "unknown"
    assert diagnosis.cause is not None
    assert diagnosis.cause.code == "examplecloud.not-collected"


def test_its_rule_stops_the_packet_and_is_named(source: Snapshot) -> None:
    diagnosis = ask(source, DENY)
    assert diagnosis.verdict == "unreachable"
    assert diagnosis.cause is not None
    assert diagnosis.cause.evidence[0] == "deny 30080 from 203.0.113.0/24"


def test_the_first_rule_decides_and_answers_pass(source: Snapshot) -> None:
    assert ask(source, ALLOW, DENY).verdict == "reachable"


def test_check_tells_what_parts_pods_between_nodes(source: Snapshot) -> None:
    tunnel = {"source": "10.0.0.1/32", "port": 8472, "action": "deny"}
    ask(source, tunnel)
    found = [one for one in check(source, Options()).suspicions if one.code.startswith("examplecloud.")]
    assert [(one.code, one.level, one.evidence[0]) for one in found] == [
        ("examplecloud.firewall", Level.WARNING, "deny 8472 from 10.0.0.1/32")
    ]
    assert found[0].evidence[-1] == "from n2 to n1, n1 to n2"


def test_how_many_pairs_of_nodes_check_asks_is_bounded_and_said(
    source: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunnel = {"source": "10.0.0.1/32", "port": 8472, "action": "deny"}
    ask(source, tunnel)
    monkeypatch.setattr(underlay_check, "MAX_PAIRS", 1)
    told = check(source, Options())
    assert [fact.value for fact in told.facts if fact.name == "node pairs asked"] == ["1"]
    (found,) = (one for one in told.suspicions if one.code.startswith("examplecloud."))
    assert found.evidence[-1] == "from n2 to n1"


def test_check_shows_a_provider_each_node_before_it_asks_for_findings(
    source: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def of_cluster(*_: object) -> tuple[Suspicion, ...]:
        shown.append("asked")
        return ()

    monkeypatch.setattr("examplecloud.Firewall.see", lambda _, ctx, node: shown.append(node.name))
    monkeypatch.setattr("examplecloud.Firewall.of_cluster", of_cluster)
    check(source, Options())
    assert shown == [*source.nodes(), "asked"]


@pytest.mark.parametrize("method", ["see", "of_cluster"])
def test_a_provider_that_raises_in_check_is_a_finding(
    method: str, source: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("rules")

    monkeypatch.setattr(f"examplecloud.Firewall.{method}", fail)
    found = [one for one in check(source, Options()).suspicions if one.code.startswith("provider.")]
    assert [one.code for one in found] == ["provider.failed"]
    assert "the provider examplecloud failed, so the underlay was not checked: KeyError" in found[0].message


def test_live_it_has_nothing_to_ask(source: Snapshot) -> None:
    provider, gap = gather(source, Options())
    assert (provider, gap) == (
        "examplecloud",
        NotCollected(
            "infra/examplecloud", "not collected", "examplecloud has no API (give its rules with --infra)"
        ),
    )


@pytest.mark.parametrize("content", [b"", b"[]", b'{"rules": [{}]}', b'{"rules": [{"source": "x"}]}'])
def test_a_file_that_is_none_of_its_own_is_one_line(source: Snapshot, content: bytes) -> None:
    with pytest.raises(InputError, match=r"rules\.json: is no list of rules"):
        gather(source, Options(), [InfraFile("rules.json", content)])


def test_pip_installs_it_and_the_program_finds_it(source: Snapshot, tmp_path: Path) -> None:
    """As a stranger's package, beside the program."""
    site = tmp_path / "site"
    package = shutil.copytree(ROOT / "docs" / "examples" / "examplecloud", tmp_path / "package")
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(package)], check=True, timeout=300)
    (tmp_path / "rules.json").write_text(json.dumps({"rules": [DENY]}))
    ran = shell(
        "diagnose", "-s", "203.0.113.7", "-d", "svc/default/web", "--snapshot", source.file.path,
        "--infra", tmp_path / "rules.json", env={"PYTHONPATH": str(site)},
    )  # fmt: skip
    assert ran.code == 1, ran.err
    assert "the firewall denies 203.0.113.7 port 30080 of 10.0.0.1" in ran.out


def test_the_guide_shows_the_whole_example() -> None:
    text = (ROOT / "docs" / "write-a-provider.md").read_text("utf-8")
    module = ROOT / "docs" / "examples" / "examplecloud" / "examplecloud" / "__init__.py"
    assert f"```python\n{module.read_text('utf-8')}```" in text


def test_the_guide_names_each_method_with_its_arguments() -> None:
    text = (ROOT / "docs" / "write-a-provider.md").read_text("utf-8")
    for name, method in vars(InfraShim).items():
        if not name.startswith("_"):
            arguments = ", ".join(list(signature(method).parameters)[1:])
            assert f"`{name}({arguments})`" in text, name


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        pytest.param({"at": object()}, "cannot be kept: a snapshot cannot hold a object", id="no plain data"),
        pytest.param({"big": 2**70}, "cannot be kept", id="a number that no snapshot holds"),
        pytest.param({"x": ["y" * (17 << 20)]}, "bytes, more than the", id="too much"),
        pytest.param(["a"], "is no mapping", id="a list"),
    ],
)
def test_what_no_snapshot_can_hold_is_a_gap(
    source: Snapshot, monkeypatch: pytest.MonkeyPatch, returned: object, reason: str
) -> None:
    monkeypatch.setattr("examplecloud.Examplecloud.gather", lambda self, ctx, files: returned)
    provider, gap = gather(source, Options())
    assert isinstance(gap, NotCollected)
    assert (provider, gap.state) == ("examplecloud", "failed")
    assert reason in gap.reason


def test_a_provider_that_raises_is_a_gap_live_and_an_error_with_files(
    source: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("rules")

    monkeypatch.setattr("examplecloud.Examplecloud.gather", fail)
    _, gap = gather(source, Options())
    assert isinstance(gap, NotCollected)
    assert (gap.what, gap.state) == ("infra/examplecloud", "failed")
    assert gap.reason.startswith(
        "examplecloud cannot be used: KeyError: 'rules' (test_provider_example.py, line "
    )
    with pytest.raises(InputError, match="examplecloud cannot be used"):
        gather(source, Options(), [InfraFile("rules.json", b"{}")])
