"""Each shipped snapshot, redacted: the same answers, and nothing of the original in the bytes."""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from kubectl_skoop.cluster.raw import ref_of
from kubectl_skoop.diagnosis.certificate import certificate, renamed
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.redact import Pseudonyms, known, pseudonyms_for, redact
from kubectl_skoop.snapshot.redact.address import UNTOUCHED
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from tests.golden.cases import GoldenCase, load_cases
from tests.snapshot.redact.contents import all_bytes, all_texts

CASES = load_cases()
KEY = b"a key for tests, of any length.."
SHORT = re.compile(r"[A-Za-z0-9_-]{1,4}")
ADDRESS = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
MAC = re.compile(r"(?<![0-9a-f:])[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?![0-9a-f:])")
HASHED = re.compile(r"KUBE-(?:SVC|SEP|EXT)-\w{16}|(?:veth|cali)[0-9a-f]{8,11}|cali:[\w-]{16}")


@pytest.fixture(scope="module", params=CASES, ids=[case.name for case in CASES])
def case(request: pytest.FixtureRequest) -> GoldenCase:
    assert isinstance(request.param, GoldenCase)
    return request.param


@pytest.fixture(scope="module")
def original(case: GoldenCase) -> Iterator[Snapshot]:
    source = open_snapshot(case.snapshot)
    yield source
    source.close()


@pytest.fixture(scope="module")
def pseudonyms(original: Snapshot) -> Pseudonyms:
    return pseudonyms_for(original, KEY)


@pytest.fixture(scope="module")
def redacted(original: Snapshot, pseudonyms: Pseudonyms, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("redacted") / "redacted.skoop"
    redact(original, pseudonyms, path, lambda _path, _left_out: {"seed": 1})
    return path


def shape(answer: Diagnosis) -> object:
    """What must stay: all but the words."""
    ways = [
        [(link.kind, link.source.kind, link.hop.place.kind) for link in ending.path.links]
        for ending in answer.branches
    ]
    return (
        (answer.verdict, answer.symptom, answer.arrives, answer.lost, answer.unknown),
        answer.cause.code if answer.cause else "",
        sorted(finding.code for finding in answer.suspicions),
        [(ending.share, ending.fate, ending.symptom) for ending in answer.branches],
        ways,
    )


def test_each_question_has_the_same_answer(
    case: GoldenCase, original: Snapshot, pseudonyms: Pseudonyms, redacted: Path
) -> None:
    after = open_snapshot(redacted)
    try:
        for question, request in case.requests.items():
            before = diagnose(original, request, Options())
            now = diagnose(after, renamed(request, pseudonyms), Options())
            assert shape(now) == shape(before), question
    finally:
        after.close()


def test_the_certificate_says_so(original: Snapshot, pseudonyms: Pseudonyms, redacted: Path) -> None:
    after = open_snapshot(redacted)
    try:
        told = certificate(original, after, pseudonyms, [], seed=1, pairs=8, most=6)
    finally:
        after.close()
    assert (told["services"], told["possible"], told["pairs"]) == (6, 12, 8)
    assert (told["unanswered"], told["different"]) == (0, 0)


def test_no_name_address_or_mac_of_the_original_is_in_the_bytes(
    case: GoldenCase, original: Snapshot, redacted: Path
) -> None:
    before, after, packed = all_texts(case.snapshot), all_texts(redacted), all_bytes(redacted)
    plain = MAC.sub("", after)
    words = set(re.split(r"[^A-Za-z0-9_.-]+", plain)) | set(re.split(r"[^A-Za-z0-9_-]+", plain))
    for name in names_of(original) | set(HASHED.findall(before)):
        assert name not in words, name
        assert SHORT.fullmatch(name) or name.encode() not in packed, name
    found = set(ADDRESS.findall(after))
    for text in telling(set(ADDRESS.findall(before))):
        assert text not in found, text
    for text in set(MAC.findall(before)):
        if not text.startswith(("00:00:00:00:00:00", "ff:ff", "ee:ee", "01:00:5e", "33:33", "01:80:c2")):
            assert text not in after, text
            assert bytes.fromhex(text.replace(":", "")) not in packed, text
    assert KEY not in packed


def names_of(source: Snapshot) -> set[str]:
    """Of nodes, objects, and the values of labels, without those that every cluster has."""
    found = set(source.nodes())
    for kind in source.kinds():
        objects = source.objects(kind)
        assert not isinstance(objects, NotCollected)
        for item in objects:
            ref = ref_of(item)
            metadata = item["metadata"]
            assert isinstance(metadata, dict)
            found |= {ref.name, ref.namespace, *metadata.get("labels", {}).values()}
    return {name for name in found if name and name not in known.NAMES}


def telling(texts: set[str]) -> set[str]:
    """Addresses of the site, not masks and ranges that everybody has."""
    plain = [ip_network(text) for text in UNTOUCHED]
    return {
        text
        for text in texts
        if max(map(int, text.split("."))) < 256 and not any(ip_address(text) in one for one in plain)
    }
