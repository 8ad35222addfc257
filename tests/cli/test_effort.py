"""A small file cannot ask for years of work: what would cost too much is unknown."""

from pathlib import Path

import pytest

from kubectl_skoop.model import verdict
from tests.cli.run import skoop
from tests.fuzzing.targets.sections import packed, unpacked

SHIPPED = Path(__file__).parents[2] / "snapshots" / "healthy-vxlan.skoop"
QUESTION = ("diagnose", "node/n1", "pod/default/b", "-p", "8080")
COIN = "-A OUTPUT -m statistic --mode random --probability 0.5 -j MARK --set-xmark 0x10/0x10\n"


def forged(coins: int, chains: int) -> bytes:
    """Each coin doubles the ways to follow, each chain the jumps on one of them."""
    declared = "".join(f":X{at} - [0:0]\n" for at in range(chains + 1))
    doubled = "".join(f"-A X{at} -j X{at + 1}\n" * 2 for at in range(chains))
    header, sections = unpacked(SHIPPED.read_bytes())
    assert isinstance(sections, list)
    changed = 0
    for section in sections:
        kind, text = section
        if kind == "table" and isinstance(text, str) and "\n*filter\n" in text:
            head, _, rest = text.partition("\n*filter\n")
            rules = f"{COIN * coins}-A OUTPUT -j X0\n{doubled}COMMIT"
            section[1] = f"{head}\n*filter\n{declared}{rest.replace('COMMIT', rules, 1)}"
            changed += 1
    assert changed
    return packed(header, sections)


@pytest.mark.parametrize(
    ("coins", "chains", "told"),
    [(11, 7, "more ways to follow than"), (0, 40, "the chains jump in a loop, or too often")],
)
def test_a_file_that_asks_for_too_much_gets_no_verdict(
    coins: int, chains: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a part of the effort, so that the test is quick."""
    monkeypatch.setattr(verdict.Effort.__init__, "__defaults__", (verdict.MAX_RULES // 50,))
    file = tmp_path / "s.skoop"
    file.write_bytes(forged(coins, chains))
    ran = skoop(*QUESTION, "--snapshot", file)
    assert ran.code == 3
    assert told in ran.err
    assert ran.err.count("\n") == 1
