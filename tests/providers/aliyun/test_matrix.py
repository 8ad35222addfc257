"""The table of docs/providers.md: each finding with the number of cases that show it, counted here."""

import re
from collections import Counter
from pathlib import Path

from kubectl_skoop.model.codes import CODES
from tests.providers.aliyun import test_balancers, test_checks, test_flows

DOCS = Path(__file__).parents[3] / "docs" / "providers.md"


def shown() -> Counter[str]:
    """Cases by code: a healthy VPC with one thing changed."""
    rows = Counter(row.code for row in test_checks.ROWS.values())
    rows += Counter(code for _, _, code, _ in test_balancers.ROWS.values())
    rows["aliyun.unknown"] += len(test_checks.WHOLE_KINDS) + len(test_balancers.UNKNOWN)
    rows["aliyun.not-collected"] += test_flows.WITHOUT_THE_CLOUD
    return rows


def test_the_table_has_each_finding_with_its_cases() -> None:
    text = DOCS.read_text("utf-8")
    table = dict(re.findall(r"^\| `(aliyun\.[a-z.-]+)` \| (\d+) \|$", text, re.M))
    assert table == {code: str(count) for code, count in sorted(shown().items())}
    assert set(table) == {code for code in CODES if code.startswith("aliyun.")}


def test_the_healthy_ones_are_counted() -> None:
    of_balancers = len(test_balancers.HEALTHY) + len(test_balancers.LETS_IN)
    healthy = len(test_checks.PASSES) + of_balancers + len(test_flows.HEALTHY)
    section = DOCS.read_text("utf-8").partition("## aliyun\n")[2].partition("\n## ")[0]
    assert f"{healthy} healthy flows are silent" in section
