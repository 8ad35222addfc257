"""The configuration file with defaults of options."""

from collections.abc import Iterator

from tests.fuzzing import scratch
from tests.fuzzing.ran import check_ran
from tests.fuzzing.target import Target

TOML = """\
output = "json"
color = "never"
network-plugin = "flannel"
parallel = 4
flannel-pod-mtu = 1450
privileged = true
as-group = ["a", "b"]
[inspect]
output = "table"
namespace = 'shop'
[diagnose]
output = "table"
"""

COMMANDS = (["explain", "netfilter.drop"], ["inspect", "--snapshot", "/nonexistent"])


def run(data: bytes) -> None:
    """By one of the commands: a run costs much more than reading its file."""
    path = scratch.file("config.toml", data)
    check_ran(COMMANDS[len(data) % len(COMMANDS)], env={"SKOOP_CONFIG": str(path)})


def seeds() -> Iterator[bytes]:
    yield TOML.encode()
    yield from (line.encode() for line in TOML.splitlines())


TARGET = Target(
    name="config",
    run=run,
    seeds=seeds,
    tried=20,
    words=(
        "=",
        "[",
        "[[",
        "'''",
        '"""',
        "{",
        "1979-05-27",
        "0x1",
        "inf",
        "\\u0000",
        "snapshot",
        "kubeconfig",
        ".",
    ),
)
