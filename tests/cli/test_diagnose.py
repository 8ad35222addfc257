"""`diagnose` and `check`: what they ask, what they print, with which exit code."""

import json
from pathlib import Path

import pytest

from kubectl_skoop.cli import app
from kubectl_skoop.diagnosis import check as checking
from kubectl_skoop.diagnosis import diagnose as diagnosing
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Check, Diagnosis, Verdict
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.snapshot.source import Snapshot
from tests.report import build

Asked = list[tuple[Request, Options]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, snapshot: Path) -> Asked:
    """What a diagnosis was asked; the answer is that a rule drops the packet."""
    found: Asked = []

    def diagnose(source: Snapshot, request: Request, options: Options) -> Diagnosis:
        found.append((request, options))
        return build.diagnosis()

    monkeypatch.setattr(diagnosing, "diagnose", diagnose)
    monkeypatch.setenv("SKOOP_SNAPSHOT", str(snapshot))
    return found


REQUESTS: dict[str, tuple[list[str], Request]] = {
    "positional": (["a/b", "c/d"], Request(source="a/b", destination="c/d")),
    "by options": (["-s", "a/b", "-d", "c/d"], Request(source="a/b", destination="c/d")),
    "mixed": (["-d", "c/d", "a/b"], Request(source="a/b", destination="c/d")),
    "a port": (["a/b", "c/d", "-p", "http"], Request(source="a/b", destination="c/d", port="http")),
    "a port in the original's word": (
        ["a/b", "c/d", "--dport", "80"],
        Request(source="a/b", destination="c/d", port="80"),
    ),
    "everything": (
        [
            *("a", "c", "--protocol", "udp", "--source-port", "53"),
            *("--size", "1500", "--df", "--uid", "1337", "-n", "shop"),
        ],
        Request(
            source="a",
            destination="c",
            protocol="udp",
            source_port=53,
            size=1500,
            df=True,
            uid=1337,
            namespace="shop",
        ),
    ),
}


@pytest.mark.parametrize(("words", "request_"), REQUESTS.values(), ids=REQUESTS)
def test_the_command_line_is_a_request(words: list[str], request_: Request, asked: Asked) -> None:
    app.main(["diagnose", *words])
    assert [request for request, _ in asked] == [request_]


def test_what_overrides_detection_is_passed_on(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKOOP_CALICO_POD_MTU", "1400")
    networks = ["--cluster-cidr", "10.0.0.0/8", "--service-cidr", "10.96.0.0/16"]
    plugin, proxy = ["--network-plugin", "any", "--flannel-pod-mtu=1300"], ["--proxy-mode", "nftables"]
    app.main(["diagnose", "a", "b", *plugin, *proxy, "--cloud-provider", "generic", *networks])
    assert [options for _, options in asked] == [
        Options(
            network_plugin="any",
            cloud_provider="generic",
            proxy_mode="nftables",
            cluster_cidr="10.0.0.0/8",
            service_cidr="10.96.0.0/16",
            plugin={"calico-pod-mtu": "1400", "flannel-pod-mtu": "1300"},
        )
    ]


VERDICTS: dict[Verdict, int] = {"reachable": 0, "unreachable": 1, "partial": 1, "unknown": 3}


@pytest.mark.parametrize("form", ["table", "wide", "json", "yaml"])
@pytest.mark.parametrize(("verdict", "code"), VERDICTS.items())
def test_exit_code_whatever_the_format(
    verdict: Verdict,
    code: int,
    form: str,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(diagnosing, "diagnose", lambda *_: build.diagnosis(verdict, f"{verdict}: so it is"))
    assert app.main(["diagnose", "a", "b", "-o", form]) == code
    out, err = capsys.readouterr()
    assert f"{verdict}: so it is" in out
    assert err == ("error: no verdict: unknown: so it is\n" if verdict == "unknown" else "")


def test_color_and_trace_reach_the_report(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    app.main(["diagnose", "a", "b", "--color", "always", "--trace"])
    out = capsys.readouterr().out
    assert out.startswith("\x1b[1;31m")
    assert f"{build.RULE} => drop" in out


@pytest.mark.parametrize(("level", "code"), [(Level.INFO, 0), (Level.WARNING, 1)], ids=["info", "warning"])
def test_a_check_prints_its_findings(
    level: Level, code: int, asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(source: Snapshot, options: Options, watch: checking.Watch) -> Check:
        return build.check(build.suspicion(level=level))

    monkeypatch.setattr(checking, "check", check)
    assert app.main(["check", "-o", "json"]) == code
    assert json.loads(capsys.readouterr().out)["suspicions"][0]["level"] == level.name.lower()
