"""A kubeconfig, which a tool of a cloud or a colleague wrote."""

from collections.abc import Iterator

from kubectl_skoop.collect.live.kubeconfig import Access, configuration, context_namespace
from tests.fuzzing import scratch
from tests.fuzzing.target import Target

YAML = """\
apiVersion: v1
kind: Config
current-context: c
clusters:
- name: k
  cluster: {server: "https://192.0.2.1:6443", insecure-skip-tls-verify: true, tls-server-name: x}
contexts:
- name: c
  context: {cluster: k, user: u, namespace: shop}
users:
- name: u
  user: {token: abc, client-certificate-data: "", username: a, password: b}
"""
_EXECUTES = (b"exec", b"auth-provider", b"cmd")


def run(data: bytes) -> None:
    """Nothing is run that a mutation names. Raises: InputError."""
    if any(word in data for word in _EXECUTES):
        return
    path = str(scratch.file("kubeconfig", data))
    for access in (Access(kubeconfig=path), Access(kubeconfig=path, cluster="k", user="u")):
        configuration(access, {})
        context_namespace(access, {})


def seeds() -> Iterator[bytes]:
    yield YAML.encode()
    yield b"apiVersion: v1\nkind: Config\n"
    yield b"current-context: c\ncontexts: []\nclusters: []\nusers: []\n"


TARGET = Target(
    name="kubeconfig",
    run=run,
    seeds=seeds,
    tried=40,
    words=("- ", ": ", "{", "[", "null", "name", "cluster", "user"),
)
