"""A stranger's package beside ours, broken in each way: the run goes on, and says what is wrong with it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.cli.run import PROGRAM, Ran, shell

CALICO = Path(__file__).parents[2] / "snapshots" / "healthy-calico.skoop"
FLOW = ("diagnose", "pod/a", "pod/b", "-p", "8080", "--snapshot", CALICO, "-o", "json")
WHOLE = """
from kubectl_skoop.api import *
from kubectl_skoop.api import BasePluginNode, Plugin, SimplePluginNode, SimpleVethPod, expect

class Stranger(Plugin):
    name = "stranger"
    def __init__(self, ctx):
        self.ctx = ctx
    @classmethod
    def detect(cls, ctx):
        return None
    def create_pod(self, pod):
        return SimpleVethPod(pod)
    def create_node(self, node):
        return BasePluginNode(node, Node(), self.ctx.cluster)

class Node(SimplePluginNode):
    def always(self):
        yield from ()
"""
NOT_USABLE: Mapping[str, tuple[str, str, str]] = {
    "it raises when it is imported": (
        "class Stranger(",
        "raise OSError('no')\nclass X(",
        "OSError: no (stranger.py, line ",
    ),
    "it exits when it is imported": (
        "class Stranger(",
        "raise SystemExit(7)\nclass X(",
        "SystemExit: 7 (stranger.py, line ",
    ),
    "its options are no dataclass": (
        'name = "stranger"',
        "options = int",
        "its options are no dataclass",
    ),
    "its options are nothing": (
        'name = "stranger"',
        "options = None",
        "its options are None, not of type type",
    ),
    "its wants are a text": ('name = "stranger"', 'wants = "Pod"', "its wants are 'Pod', not of type Wants"),
    "one of its wants is a text": (
        'name = "stranger"',
        'wants = Wants(annotations="a/b")',
        "Wants: annotations is 'a/b', not of type tuple",
    ),
    "what it enforces is nothing": ('name = "stranger"', "enforces = None", "its enforces are None"),
}
"""A text of the whole one, what stands in its place, and what is said."""
NOT_ASKED: Mapping[str, tuple[str, str, str]] = {
    "it answers with a text": ("return None", "return 'yes'", "TypeError: 'yes' is no Detected"),
    "it answers with another's name": (
        "return None",
        "return Detected('calico', 'always')",
        "ValueError: it says of the cluster that it has 'calico'",
    ),
    "its answer has no text": ("return None", "return Detected(None, 5)", "Detected: value is None"),
}
FAILED: Mapping[str, tuple[str, str, str]] = {
    "a node of it is nothing": ("return BasePluginNode", "return None #", "AttributeError: 'NoneType'"),
    "a pod of it is nothing": ("return SimpleVethPod(pod)", "return None", "AttributeError: 'NoneType'"),
    "a wish is a number": (
        "yield from ()",
        "yield 42",
        "TypeError: 42 is neither an Expectation nor a Suspicion",
    ),
    "there is nothing to go through": (
        "yield from ()",
        "return 5",
        "TypeError: 'int' object is not iterable",
    ),
    "an address is none": (
        "yield from ()",
        "yield expect.route('x', because='x')",
        "ValueError: 'x' does not appear to be an IPv4 or IPv6 network (stranger.py, line ",
    ),
    "a number is a text": (
        "yield from ()",
        "yield expect.device('eth0', max_mtu='abc', because='x')",
        "DeviceExpectation: max_mtu is 'abc', not of type int",
    ),
    "a tuple is a list": (
        "yield from ()",
        "yield expect.device('eth0', programs=['egress'], because='x')",
        "DeviceExpectation: programs is ['egress'], not of type tuple",
    ),
    "a finding is nowhere": (
        "yield from ()",
        "yield Suspicion(code='stranger.x', level=Level.INFO, where=None, message='x')",
        "Suspicion: where is None, not of type Where",
    ),
    "it exits when it is asked": (
        "yield from ()",
        "raise SystemExit(7)",
        "SystemExit: 7 (stranger.py, line ",
    ),
}


Installed = Callable[[str, str], Mapping[str, str]]


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    """A package with this change to the whole one; the environment that has it on the path."""

    def install(old: str, new: str) -> Mapping[str, str]:
        assert WHOLE.count(old) == 1
        (tmp_path / "stranger.py").write_text(WHOLE.replace(old, new))
        package(tmp_path, "stranger", "stranger = stranger:Stranger")
        return {"PYTHONPATH": str(tmp_path)}

    return install


def package(folder: Path, name: str, *entries: str) -> None:
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text("\n".join(["[kubectl_skoop.plugins]", *entries, ""]))


def findings(ran: Ran, code: str) -> list[str]:
    assert PROGRAM.exists()
    assert ran.code in (0, 1), ran.err
    return [one["message"] for one in json.loads(ran.out)["suspicions"] if one["code"] == code]


@pytest.mark.parametrize(("old", "new", "said"), NOT_USABLE.values(), ids=NOT_USABLE)
def test_one_that_cannot_be_used(
    installed: Installed, old: str, new: str, said: str, dumps: dict[str, Path], tmp_path: Path
) -> None:
    env = installed(old, new)
    asked = shell(*FLOW, env=env)
    (told,) = findings(asked, "plugin.unusable")
    assert said in told
    assert json.loads(asked.out)["verdict"] == "reachable"
    listed = shell("plugins", env=env)
    assert (listed.code, listed.err) == (0, "")
    assert said in listed.out
    assert "--flannel-bridge" in listed.out
    assert shell("diagnose", "--help", env=env).code == 0
    made = shell("snapshot", "-f", tmp_path / "made.skoop", "--node-dump", *dumps.values(), env=env)
    assert made.code == 0
    assert made.err.startswith("warning: stranger ")
    assert said in made.err
    named = shell(*FLOW, "--network-plugin", "stranger", env=env)
    assert named.code == 2
    assert said in named.err


@pytest.mark.parametrize(("old", "new", "said"), NOT_ASKED.values(), ids=NOT_ASKED)
def test_one_whose_detection_is_nonsense(installed: Installed, old: str, new: str, said: str) -> None:
    asked = shell(*FLOW, env=installed(old, new))
    (told,) = findings(asked, "plugin.unusable")
    assert said in told
    assert json.loads(asked.out)["verdict"] == "reachable"


@pytest.mark.parametrize(("old", "new", "said"), FAILED.values(), ids=FAILED)
def test_one_whose_wishes_are_nonsense(installed: Installed, old: str, new: str, said: str) -> None:
    asked = shell(*FLOW, "--network-plugin", "stranger", env=installed(old, new))
    told = findings(asked, "plugin.failed")
    assert told
    assert all(said in one for one in told)
    assert json.loads(asked.out)["verdict"] == "reachable"


def test_one_whose_options_have_no_type(installed: Installed) -> None:
    options = (
        "from dataclasses import dataclass\n    @dataclass\n    class options:\n        x: 'Nowhere' = 5"
    )
    env = installed('name = "stranger"', options)
    listed = shell("plugins", env=env)
    assert "NameError: name 'Nowhere' is not defined" in listed.out
    helped = shell("diagnose", "--help", env=env)
    assert (listed.code, helped.code) == (0, 0)
    ran = shell(*FLOW, "--stranger-x", "5", env=env)
    assert (ran.code, ran.out) == (2, "")
    assert "NameError: name 'Nowhere' is not defined" in ran.err


def test_one_whose_attribute_raises_is_not_made(installed: Installed) -> None:
    raising = "@property\n    def pods_in_underlay(self):\n        raise OSError('no')"
    ran = shell(*FLOW, "--network-plugin", "stranger", env=installed('name = "stranger"', raising))
    assert (ran.code, ran.out) == (2, "")
    assert "OSError: no (stranger.py, line " in ran.err


def test_what_a_plugin_sees_in_objects_stops_nothing(installed: Installed) -> None:
    fatal = (
        "yield Suspicion(code='stranger.x', level=Level.FATAL, where=Where(), message='x', effect='stops')"
    )
    ran = shell(*FLOW, "--network-plugin", "stranger", env=installed("yield from ()", fatal))
    (told,) = [one for one in json.loads(ran.out)["suspicions"] if one["code"] == "stranger.x"]
    assert (json.loads(ran.out)["verdict"], told["level"]) == ("reachable", "warning")


def test_names_that_several_packages_bring(tmp_path: Path) -> None:
    """Of one of ours ours stands, of strangers' none is used, and each clash is said."""
    for name in ("one", "two"):
        package(tmp_path, name, f"stranger = {name}:Stranger", f"calico = {name}:Calico")
    env = {"PYTHONPATH": str(tmp_path)}
    asked = shell(*FLOW, env=env)
    told = findings(asked, "plugin.unusable")
    assert len(told) == 2
    assert all("one:" in one and " of two" in one for one in told)
    assert json.loads(asked.out)["facts"][0]["value"] == "calico"
    named = shell(*FLOW, "--network-plugin", "stranger", env=env)
    assert named.code == 2
    assert "several packages bring 'stranger': one:Stranger of one and two:Stranger of two" in named.err
