"""Documents as others read them: SARIF by its published schema, D2 by its compiler; both of Go modules."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from kubectl_skoop.report.formats import render_check, render_diagnosis
from kubectl_skoop.report.sarif import SCHEMA
from tests.e2e.binaries import cache_folder, run_go
from tests.report.build import check, diagnosis, suspicion
from tests.report.hostile import STRINGS, hostile_check, hostile_diagnosis

pytestmark = pytest.mark.e2e

SARIF_MODULE = "github.com/owenrumney/go-sarif/v3@v3.3.1"
"""Ships the schema of OASIS, errata 01, as a constant."""
D2_MODULE = "oss.terrastruct.com/d2@v0.6.9"
TEXTS = pytest.mark.parametrize("text", ["x", *STRINGS.values()], ids=["harmless", *STRINGS])


@pytest.fixture(scope="module")
def sarif(tmp_path_factory: pytest.TempPathFactory) -> Draft4Validator:
    """Of the schema that our logs name."""
    found = json.loads(run_go(tmp_path_factory.mktemp("sarif"), "mod", "download", "-json", SARIF_MODULE))
    source = Path(found["Dir"], "pkg/report/v210/sarif/schema.go").read_text("utf-8")
    schema: dict[str, Any] = json.loads(source.split("`")[1])
    assert schema["id"] == SCHEMA
    Draft4Validator.check_schema(schema)
    return Draft4Validator(schema, format_checker=Draft4Validator.FORMAT_CHECKER)


@pytest.fixture(scope="module")
def d2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program of D2's compiler; kept for later runs."""
    program = cache_folder() / f"d2-{D2_MODULE.rpartition('@')[2]}"
    if not program.exists():
        folder = tmp_path_factory.mktemp("d2")
        shutil.copy(Path(__file__).with_name("d2.go"), folder)
        folder.joinpath("go.mod").write_text("module d2reader\n")
        run_go(folder, "get", D2_MODULE)
        run_go(folder, "build", "-o", "read-d2", ".")
        program.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder / "read-d2", program)
    return program


def errors(sarif: Draft4Validator, text: str) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in sarif.iter_errors(json.loads(text))]


@TEXTS
def test_sarif_has_the_published_schema(sarif: Draft4Validator, text: str) -> None:
    assert errors(sarif, render_diagnosis(hostile_diagnosis(text), "sarif")) == []
    assert errors(sarif, render_check(hostile_check(text), "sarif")) == []


def test_sarif_of_nothing_found_and_of_gaps(sarif: Draft4Validator) -> None:
    for made in (
        render_check(check(), "sarif"),
        render_check(check(suspicion()), "sarif"),
        render_diagnosis(diagnosis("reachable", "reachable", suspicions=()), "sarif"),
        render_diagnosis(diagnosis("unknown", "unknown", suspicions=()), "sarif"),
    ):
        assert errors(sarif, made) == []


def test_the_schema_refuses_what_is_not_sarif(sarif: Draft4Validator) -> None:
    log = json.loads(render_check(check(suspicion()), "sarif"))
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert len(errors(sarif, json.dumps(log))) == 1


@TEXTS
def test_d2_compiles_to_the_same_objects(d2: Path, text: str) -> None:
    made = render_diagnosis(hostile_diagnosis(text), "d2")
    done = subprocess.run([d2], input=made, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    harmless = render_diagnosis(hostile_diagnosis("x"), "d2")
    wanted = subprocess.run([d2], input=harmless, capture_output=True, text=True, check=True)
    assert done.stdout == wanted.stdout
