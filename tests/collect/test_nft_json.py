import json

from kubectl_skoop.collect import nft_json
from kubectl_skoop.snapshot.dump import Table

LIVE = {"family": 1, "name": "a", "flags": 0, "handle": 1}
DORMANT = {"family": 2, "name": "b", "flags": 1, "handle": 2}


def test_nothing_runs_where_there_are_no_tables() -> None:
    assert nft_json.commands([]) == {}


def test_the_whole_ruleset_is_listed_at_once() -> None:
    assert nft_json.commands([LIVE]) == {"nft": ("nft", "-j", "list", "ruleset")}


def test_a_dormant_table_is_not_listed_but_named() -> None:
    commands = nft_json.commands([LIVE, DORMANT])
    assert list(commands.values()) == [("nft", "-j", "list", "table", "inet", "a")]
    printed = Table(data='{"nftables": [{"metainfo": {}}, {"table": {"family": "inet", "name": "a"}}]}')
    results = {**dict.fromkeys(commands, printed), "ipset": Table(data="")}
    joined = nft_json.join(results, [LIVE, DORMANT], 5.0)
    assert set(joined) == {"nft", "ipset"}
    tables = [item["table"] for item in json.loads(str(joined["nft"].data))["nftables"] if "table" in item]
    assert [(one["family"], one["name"], one.get("flags")) for one in tables] == [
        ("ip", "b", ["dormant"]),
        ("inet", "a", None),
    ]


def test_tables_that_are_printed_otherwise_are_left_out() -> None:
    other = {"family": 2, "name": "filter", "flags": 0, "handle": 3}
    commands = nft_json.commands([LIVE, other], left_out=[other])
    assert list(commands.values()) == [("nft", "-j", "list", "table", "inet", "a")]
    printed = Table(data='{"nftables": [{"table": {"family": "inet", "name": "a"}}]}')
    joined = nft_json.join({**dict.fromkeys(commands, printed)}, [LIVE, other], 5.0)
    assert json.loads(str(joined["nft"].data)) == {"nftables": [{"table": {"family": "inet", "name": "a"}}]}
    assert nft_json.commands([other], left_out=[other]) == {}


def test_a_part_that_fails_fails_the_whole() -> None:
    commands = nft_json.commands([LIVE, DORMANT])
    failed = Table(state="failed", reason="no")
    assert nft_json.join(dict.fromkeys(commands, failed), [LIVE, DORMANT], 5.0) == {"nft": failed}
