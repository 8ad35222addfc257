"""Which files count, and that nothing else is asked in place of what was named."""

import json
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from kubectl_skoop.collect.live.kubeconfig import Access, configuration, context_namespace, files
from kubectl_skoop.model.errors import InputError


def _config(path: Path, **changed: object) -> Path:
    content: dict[str, object] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "c1", "user": "u1"}},
            {"name": "two", "context": {"cluster": "c2", "user": "u2", "namespace": "shop"}},
        ],
        "clusters": [
            {"name": "c1", "cluster": {"server": "http://127.0.0.1:1"}},
            {"name": "c2", "cluster": {"server": "http://127.0.0.1:2"}},
        ],
        "users": [{"name": "u1", "user": {"token": "t1"}}, {"name": "u2", "user": {"token": "t2"}}],
    }
    path.write_text(json.dumps({**content, **changed}))
    return path


def test_a_file_that_is_named_and_missing_is_an_error(tmp_path: Path) -> None:
    other = _config(tmp_path / "other")
    with pytest.raises(InputError, match="missing: no such file"):
        files(str(tmp_path / "missing"), {"KUBECONFIG": str(other)})


def test_of_a_list_the_files_that_exist_count(tmp_path: Path) -> None:
    there = _config(tmp_path / "there")
    assert files("", {"KUBECONFIG": f"{tmp_path}/missing:{there}"}) == [there]


def test_a_list_of_missing_files_is_an_error_also_in_a_pod(tmp_path: Path) -> None:
    environment = {"KUBECONFIG": f"{tmp_path}/missing", "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    with pytest.raises(InputError, match=r"KUBECONFIG=.*missing: no such file"):
        files("", environment)


def test_the_home_folder_is_meant_by_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    there = _config(tmp_path / ".kube" / "config")
    assert files("~/.kube/config", {}) == files("", {}) == [there]


@pytest.mark.parametrize(
    ("access", "host", "token"),
    [
        (Access(), "http://127.0.0.1:1", "Bearer t1"),
        (Access(context="two"), "http://127.0.0.1:2", "Bearer t2"),
        (Access(cluster="c2"), "http://127.0.0.1:2", "Bearer t1"),
        (Access(user="u2"), "http://127.0.0.1:1", "Bearer t2"),
        (Access(context="two", cluster="c1"), "http://127.0.0.1:1", "Bearer t2"),
    ],
)
def test_context_cluster_and_user(access: Access, host: str, token: str, tmp_path: Path) -> None:
    path = _config(tmp_path / "config")
    made = configuration(access, {"KUBECONFIG": str(path)})
    assert (made.host, made.get_api_key_with_prefix("BearerToken")) == (host, token)


@pytest.mark.parametrize(
    ("cluster", "host"),
    [
        ({"server": "localhost:8080"}, "http://localhost:8080"),
        ({"server": "10.0.0.1", "certificate-authority-data": "eA=="}, "https://10.0.0.1"),
        ({"server": "[fd00::1]:6443", "insecure-skip-tls-verify": True}, "https://[fd00::1]:6443"),
        ({"server": "https://10.0.0.1:6443/k8s"}, "https://10.0.0.1:6443/k8s"),
    ],
)
def test_a_server_without_a_scheme_is_asked_as_kubectl_does(
    cluster: Mapping[str, object], host: str, tmp_path: Path
) -> None:
    path = _config(tmp_path / "config", clusters=[{"name": "c1", "cluster": cluster}])
    assert configuration(Access(), {"KUBECONFIG": str(path)}).host == host


def test_a_certificate_of_the_user_speaks_for_tls_too(tmp_path: Path) -> None:
    changed = {
        "clusters": [{"name": "c1", "cluster": {"server": "10.0.0.1"}}],
        "users": [{"name": "u1", "user": {"client-certificate-data": "eA==", "client-key-data": "eA=="}}],
    }
    path = _config(tmp_path / "config", **changed)
    assert configuration(Access(), {"KUBECONFIG": str(path)}).host == "https://10.0.0.1"


@pytest.mark.parametrize(
    "access",
    [Access(context="no"), Access(cluster="no"), Access(user="no")],
    ids=["context", "cluster", "user"],
)
def test_a_name_that_the_file_lacks_is_an_error(access: Access, tmp_path: Path) -> None:
    path = _config(tmp_path / "config")
    with pytest.raises(InputError, match="no"):
        configuration(access, {"KUBECONFIG": str(path)})


@pytest.mark.parametrize("content", ["", "{", "[]", "a: b", "\x00"])
def test_a_broken_file_is_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(InputError) as raised:
        configuration(Access(kubeconfig=str(path)))
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)


def _plugin(folder: Path, script: str) -> dict[str, object]:
    program = folder / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    command = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(program),
        "interactiveMode": "Never",
    }
    return {"name": "u1", "user": {"exec": command}}


def test_a_credential_plugin_is_asked(tmp_path: Path) -> None:
    status = {"token": "fresh"}
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    path = _config(tmp_path / "config", users=[_plugin(tmp_path, f"echo '{json.dumps(credential)}'")])
    made = configuration(Access(kubeconfig=str(path)))
    assert made.get_api_key_with_prefix("BearerToken") == "Bearer fresh"


def test_a_credential_plugin_that_fails_is_an_error(tmp_path: Path) -> None:
    path = _config(tmp_path / "config", users=[_plugin(tmp_path, "exit 3")])
    with pytest.raises(InputError, match="plugin of the kubeconfig gave no credentials"):
        configuration(Access(kubeconfig=str(path)))


def test_the_namespace_of_the_context(tmp_path: Path) -> None:
    path = str(_config(tmp_path / "config"))
    assert context_namespace(Access(kubeconfig=path)) == ""
    assert context_namespace(Access(kubeconfig=path, context="two")) == "shop"
