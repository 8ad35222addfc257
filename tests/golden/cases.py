"""The table of shipped snapshots: `cases.yaml` as values, and making them in labs."""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import take_snapshot
from kubectl_skoop.testing.topology import Backend, Mode
from tests.golden import cloud_cases, service_cases

HERE = Path(__file__).parent
SNAPSHOTS = HERE.parents[1] / "snapshots"
INTRODUCTION = """# Snapshots to try

Each was collected from a cluster of network namespaces on one machine, with real devices, routes and rules
(`python -m tests.golden.cases` makes them anew, as root). The labs have the nodes n1 and n2, the pods a and
a2 on n1, b and b2 on n2, and the services web (b), self (a), pair (a2, b2), dns (b, UDP), empty (nothing).
The answers below are what `tests/golden` holds each version to.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenCase:
    name: str
    mode: Mode
    backend: Backend
    wrong: str
    steps: Sequence[str]
    requests: Mapping[str, Request]

    @property
    def snapshot(self) -> Path:
        return SNAPSHOTS / f"{self.name}.skoop"

    def expected(self, question: str) -> Path:
        return HERE / self.name / f"{question}.json"


def load_cases() -> list[GoldenCase]:
    rows = yaml.safe_load((HERE / "cases.yaml").read_text("utf-8"))
    return [
        GoldenCase(
            name=row["name"],
            mode=row["mode"],
            backend=row["backend"],
            wrong=row["wrong"],
            steps=row["do"],
            requests={name: Request(**words) for name, words in row["ask"].items()},
        )
        for row in rows
    ]


@cache
def answered(snapshot: Path, request: Request) -> Diagnosis:
    """Of a snapshot that nothing else was asked."""
    with closing(open_snapshot(snapshot)) as source:
        return diagnose(source, request, Options())


def make(case: GoldenCase) -> None:
    """Build the lab, break it, collect it: needs root."""
    with ClusterLab(case.mode, case.backend) as lab, tempfile.TemporaryDirectory() as folder:
        run_steps(lab, case.steps)
        case.snapshot.write_bytes(take_snapshot(lab, Path(folder)).read_bytes())


def describe(case: GoldenCase) -> str:
    """The snapshot's section of snapshots/README.md."""
    lines = [f"## {case.name}", "", f"Wrong: {case.wrong}.", ""]
    lines.append(
        f"Made from: a `{case.mode}` lab with {case.backend}" + ("." if not case.steps else ", then")
    )
    lines += ["", *(f"    {step}" for step in case.steps), ""] if case.steps else [""]
    for request in case.requests.values():
        lines += [f"    kubectl skoop diagnose {words(request)} --snapshot snapshots/{case.snapshot.name}"]
        lines += ["", f"> {answered(case.snapshot, request).headline}", ""]
    return "\n".join(lines)


def words(request: Request) -> str:
    """The request as it is typed."""
    typed = ["-s", request.source, "-d", request.destination]
    typed += ["-p", request.port] if request.port else []
    typed += ["--protocol", request.protocol] if request.protocol != "tcp" else []
    typed += ["--source-port", str(request.source_port)] if request.source_port else []
    typed += ["--size", str(request.size)] if request.size else []
    return " ".join([*typed, *(["--df"] if request.df else [])])


def readme() -> str:
    sections = (*map(describe, load_cases()), cloud_cases.describe(words), service_cases.describe())
    return "\n".join([INTRODUCTION, *sections])


def main() -> None:
    """`--services`, `--clouds`: only those, which need no lab; `--describe`: only the README."""
    if "--describe" not in sys.argv and "--services" not in sys.argv:
        for of_cloud in cloud_cases.CASES:
            cloud_cases.make(of_cloud, of_cloud.snapshot)
            print(f"{of_cloud.snapshot.name}: {of_cloud.snapshot.stat().st_size} bytes")
    if "--describe" not in sys.argv and "--clouds" not in sys.argv:
        for made in service_cases.load_service_cases():
            service_cases.make(made)
            print(f"{made.snapshot.name}: {made.snapshot.stat().st_size} bytes")
    if not {"--describe", "--services", "--clouds"} & {*sys.argv}:
        for case in load_cases():
            make(case)
            print(f"{case.snapshot.name}: {case.snapshot.stat().st_size} bytes")
    (SNAPSHOTS / "README.md").write_text(readme(), "utf-8")


if __name__ == "__main__":
    main()
