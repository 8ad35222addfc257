"""Wherever a snapshot is damaged, the answer is the right one or none: never another."""

from pathlib import Path

import pytest

from tests.cli.run import skoop

SNAPSHOTS = Path(__file__).parents[2] / "snapshots"
PLACES = 24
FLOWS = {
    "healthy-vxlan": (["pod/default/a", "pod/default/b", "-p", "8080"], 0),
    "healthy-calico": (["pod/default/a", "10.0.0.2", "-p", "30080"], 0),
    "forward-drop": (["pod/default/a", "pod/default/b", "-p", "8080"], 1),
    "dead-backend": (["pod/default/a", "svc/default/pair", "-p", "80"], 1),
}


@pytest.mark.parametrize(
    ("name", "words", "code"), [(name, *flow) for name, flow in FLOWS.items()], ids=FLOWS
)
def test_one_damaged_byte_never_turns_an_answer(
    name: str, words: list[str], code: int, tmp_path: Path
) -> None:
    content = (SNAPSHOTS / f"{name}.skoop").read_bytes()
    damaged = tmp_path / "damaged.skoop"
    codes: dict[int, int] = {}
    for place in range(1000, len(content), len(content) // PLACES):
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        codes[place] = skoop("diagnose", *words, "--snapshot", damaged).code
    assert set(codes.values()) == {code, 3}, codes
