"""Snapshots with what a cloud says of its network, each made of a shipped one, for which no lab is needed.

The answers are those that the tests of the providers are built of: by the clouds' public API documentation.
"""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from kubectl_skoop.cli.infra import Cloud, read
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.snapshot.assemble import assemble
from kubectl_skoop.snapshot.source import open_snapshot
from tests.providers.aliyun import test_flows as aliyun
from tests.providers.aliyun.balanced import CLASSIC
from tests.providers.aliyun.vpc import rule
from tests.providers.aws import test_flows as aws
from tests.providers.aws.vpc import CLIENT, Answers, permission

HERE = Path(__file__).parent
SNAPSHOTS = HERE.parents[1] / "snapshots" / "clouds"
MADE = 1_795_900_000.0
"""Seconds since the epoch: equal answers are equal files."""
INTRODUCTION = """## clouds/

`healthy-vxlan`, whose nodes are machines of a cloud now, whose service web has a load balancer there, with
what the cloud would say of its network: written by hand after its API's documentation. No key and no cloud is
needed to ask them. `redact` leaves out what a cloud said.
"""
POD_TO_POD = Request(source="pod/default/a", destination="pod/default/b", port="8080")
FROM_OUTSIDE = Request(source=str(CLIENT), destination="svc/default/web", port="80")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudCase:
    name: str
    wrong: str
    cloud: Literal["aws", "aliyun"]
    found: Callable[[], Answers]
    """What the cloud says."""
    requests: Mapping[str, Request]

    @property
    def snapshot(self) -> Path:
        return SNAPSHOTS / f"{self.name}.skoop"

    def expected(self, question: str) -> Path:
        return HERE / "clouds" / f"{self.name}-{question}.json"


def _without_the_tunnel() -> Answers:
    found = aws.vpc()
    found["SecurityGroups"][0]["IpPermissions"] = [permission("tcp", 0, 65535, groups=["sg-nodes"])]
    return found


def _tunnel_dropped() -> Answers:
    found = aliyun.vpc()
    found["groups"][0]["Permissions"]["Permission"].append(
        rule("10.0.0.0/16", "UDP", "1/65535", Policy="Drop", Priority="5")
    )
    return found


CASES = (
    CloudCase(
        name="aws-healthy",
        wrong="nothing",
        cloud="aws",
        found=aws.vpc,
        requests={"pods": POD_TO_POD, "from-outside": FROM_OUTSIDE},
    ),
    CloudCase(
        name="aws-tunnel-closed",
        wrong="the nodes' security group lets in TCP of its own members only, not the UDP of the tunnel",
        cloud="aws",
        found=_without_the_tunnel,
        requests={"pods": POD_TO_POD},
    ),
    CloudCase(
        name="aliyun-tunnel-dropped",
        wrong="a rule of the nodes' security group drops UDP within the VPC",
        cloud="aliyun",
        found=_tunnel_dropped,
        requests={"pods": POD_TO_POD},
    ),
)


def make(case: CloudCase, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        cloud = aws if case.cloud == "aws" else aliyun
        objects = aws.objects() if case.cloud == "aws" else aliyun.objects(ingress={"ip": CLASSIC})
        answers = Cloud(Options(), read([cloud.written(Path(folder), case.found())]))
        assemble([cloud.SNAPSHOT], objects, path, time=MADE, infra=answers.gather)


@cache
def answered(snapshot: Path, request: Request) -> Diagnosis:
    with closing(open_snapshot(snapshot)) as source:
        return diagnose(source, request, Options())


def describe(words: Callable[[Request], str]) -> str:
    """The section of snapshots/README.md."""
    lines = [INTRODUCTION]
    for case in CASES:
        lines += [f"Wrong in {case.name}: {case.wrong}.", ""]
        for request in case.requests.values():
            where = f"snapshots/clouds/{case.snapshot.name}"
            lines += [f"    kubectl skoop diagnose {words(request)} --snapshot {where}"]
            lines += ["", f"> {answered(case.snapshot, request).headline}", ""]
    return "\n".join(lines)
