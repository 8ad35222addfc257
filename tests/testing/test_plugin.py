"""Lab tests that are left out: a skip here, a failure in CI."""

import pytest

from kubectl_skoop.testing import plugin

pytest_plugins = ["pytester"]

TESTS = """
import pytest

@pytest.fixture
def missing(): pytest.skip("no tool")

@pytest.mark.kernel
def test_lab(): ...

@pytest.mark.kernel
def test_skips_itself(): pytest.skip("no tool")

@pytest.mark.kernel
@pytest.mark.skipif(True, reason="no tool")
def test_has_a_condition(): ...

@pytest.mark.kernel
def test_fixture_skips(missing): ...

@pytest.mark.kernel
@pytest.mark.xfail(reason="known")
def test_is_expected_to_fail(): assert False

def test_is_no_lab(): pytest.skip("another reason")
"""
FAILURE = "a lab test is skipped in CI: "


@pytest.mark.parametrize(
    ("ci", "why_no_lab", "outcomes", "reasons"),
    [
        ("", "", {"passed": 1, "skipped": 4, "xfailed": 1}, 0),
        ("", "labs need root", {"skipped": 6}, 0),
        ("true", "", {"passed": 1, "failed": 1, "errors": 2, "skipped": 1, "xfailed": 1}, 3),
        ("true", "labs need root", {"errors": 5, "skipped": 1}, 5),
    ],
    ids=["at a desk", "at a desk without root", "in CI", "in CI without root"],
)
def test_a_lab_that_is_left_out(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    ci: str,
    why_no_lab: str,
    outcomes: dict[str, int],
    reasons: int,
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(plugin, "why_no_lab", lambda: why_no_lab)
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", plugins=[plugin])
    assert result.parseoutcomes() == outcomes
    assert sum(line.startswith(FAILURE) for line in result.outlines) == reasons
