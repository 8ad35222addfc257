"""JSON of `nft -j list ruleset`, the kernel's own list beside it, and packets that meet its rules."""

import json
from collections.abc import Iterator
from pathlib import Path

from kubectl_skoop.report.inspect import print_table
from kubectl_skoop.snapshot.decode.netfilter import decode_netfilter
from kubectl_skoop.snapshot.decode.tables import Tables
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms
from kubectl_skoop.snapshot.redact.table import redact_table
from tests.fuzzing.codec import JSON
from tests.fuzzing.nft_rules import examples
from tests.fuzzing.printed import check_printed
from tests.fuzzing.router import pass_all
from tests.fuzzing.target import Target

DATA = Path(__file__).parents[2] / "data"
RAW = {"tables": [{"family": 1, "name": "t", "flags": 0}], "rules": [], "generation": 3}
HOOKS = [{"family": 2, "hook": 2, "priority": 0, "chain": {"family": 1, "table": "t", "name": "c"}}]


def run(data: bytes) -> None:
    """`{nft, nft_raw, nft_hooks}`; the first as the text that the tool prints."""
    given = JSON.read(data)
    if not isinstance(given, dict):
        given = {"nft": data.decode("utf-8", "backslashreplace")}
    nft = given.get("nft")
    text = nft if isinstance(nft, str) else json.dumps(nft)
    raw = {name: Table(time=1.0, data=given[name]) for name in ("nft_raw", "nft_hooks") if name in given}
    tables = {"nft": Table(time=1.0, data=text), **raw}
    pass_all(decode_netfilter(Tables(tables)))
    check_printed(print_table("nftables", tables))
    redact_table("nft", tables["nft"], Pseudonyms(b"k" * 32), LeftOut())


def seeds() -> Iterator[bytes]:
    for rule in examples():
        yield JSON.encode({"nft": {"nftables": rule}, "nft_raw": RAW, "nft_hooks": HOOKS})
    whole = json.loads((DATA / "kube-proxy-1.36.2.nft.json").read_text("utf-8"))
    yield JSON.encode({"nft": {"nftables": whole["nftables"][:60]}})


TARGET = Target(name="nft", run=run, seeds=seeds, codec=JSON)
