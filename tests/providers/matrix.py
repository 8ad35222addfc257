"""Writes the tables of docs/providers.md: each finding with the number of cases that show it.

`pytest tests/providers --update` writes them; each case is a test that changes one thing of a healthy VPC.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.kernel import test_underlay_check
from tests.providers.aliyun import test_balancer_checks as aliyun_balancers
from tests.providers.aliyun import test_balancers as aliyun_servers
from tests.providers.aliyun import test_flows as aliyun_flows
from tests.providers.aliyun import test_guards as aliyun_guards
from tests.providers.aliyun import test_network_acl as aliyun_acls
from tests.providers.aliyun import test_ways as aliyun_ways
from tests.providers.aliyun import test_whole as aliyun_whole
from tests.providers.aws import test_balancers as aws_balancers
from tests.providers.aws import test_flows as aws_flows
from tests.providers.aws import test_guards as aws_guards
from tests.providers.aws import test_transit_gateway as aws_transit
from tests.providers.aws import test_ways as aws_ways
from tests.providers.aws import test_whole as aws_whole

PAGE = Path(__file__).parents[2] / "docs/providers.md"
END = "<!-- end of matrix -->"


class Cases(NamedTuple):
    """Of one provider."""

    flows: Counter[str]
    """That a walk shows, by code."""
    whole: Counter[str]
    """That `check` shows."""
    healthy: int
    """Flows."""


def cases() -> dict[str, Cases]:
    aws = Counter(row.code for kind in (aws_guards, aws_ways, aws_transit) for row in kind.ROWS.values())
    aws += Counter(code for _, _, code, _ in aws_balancers.ROWS.values())
    aws["aws.unknown"] += len(aws_ways.WHOLE_KINDS) + len(aws_balancers.UNKNOWN)
    aws["aws.unknown"] += len(aws_transit.WHOLE_KINDS)
    aws["aws.not-collected"] += aws_flows.WITHOUT_THE_CLOUD
    aliyun = Counter(
        row.code for kind in (aliyun_guards, aliyun_acls, aliyun_ways) for row in kind.ROWS.values()
    )
    aliyun += Counter(code for _, _, code, _ in aliyun_balancers.ROWS.values())
    aliyun["aliyun.unknown"] += len(aliyun_ways.WHOLE_KINDS) + len(aliyun_servers.UNKNOWN)
    aliyun["aliyun.not-collected"] += aliyun_flows.WITHOUT_THE_CLOUD
    aws_whole_cases = Counter(code for _, code, _ in (*aws_whole.ROWS.values(), *aws_whole.NATIVE.values()))
    aws_whole_cases["aws.unknown"] += len(aws_whole.UNKNOWN)
    aliyun_whole_cases = Counter(
        code for _, code, _ in (*aliyun_whole.ROWS.values(), *aliyun_whole.NATIVE.values())
    )
    aliyun_whole_cases["aliyun.unknown"] += len(aliyun_whole.UNKNOWN)
    aliyun_whole_cases["aliyun.balancer.missing"] += 1
    for code, whole in (("aws", aws_whole_cases), ("aliyun", aliyun_whole_cases)):
        whole[f"{code}.not-collected"] += 1
    lets_through = [
        *aliyun_acls.PASSES,
        *aliyun_ways.PASSES,
        *aliyun_balancers.HEALTHY,
        *aliyun_balancers.LETS_IN,
    ]
    aws_through = [*aws_ways.PASSES, *aws_transit.PASSES, *aws_balancers.HEALTHY]
    generic = Counter(code for _, code, _ in test_underlay_check.FAULTS.values())
    generic["generic.neighbour.other"] += 1
    return {
        "generic": Cases(Counter(), generic, 0),
        "aliyun": Cases(aliyun, aliyun_whole_cases, len(lets_through) + len(aliyun_flows.HEALTHY)),
        "aws": Cases(
            aws,
            aws_whole_cases,
            len(aws_through) + len(aws_flows.HEALTHY),
        ),
    }


def table(provider: str) -> str:
    return "\n".join(_lines(cases()[provider])) + "\n"


def _lines(of: Cases) -> Iterator[str]:
    flows = f"{of.healthy} healthy flows and `check`" if of.healthy else "`check`"
    yield f"{flows} of the healthy network {'are' if of.healthy else 'is'} silent."
    yield ""
    yield "| finding | cases that a flow shows | that `check` shows |"
    yield "| --- | --- | --- |"
    for code in sorted({*of.flows, *of.whole}):
        yield f"| `{code}` | {of.flows[code] or '-'} | {of.whole[code] or '-'} |"


def with_tables(page: str) -> str:
    """The page with the tables of today."""
    for provider in cases():
        begin = f"<!-- matrix of {provider} -->"
        head, _, rest = page.partition(begin)
        page = f"{head}{begin}\n{table(provider)}{END}{rest.partition(END)[2]}"
    return page
