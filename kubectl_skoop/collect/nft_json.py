"""The ruleset as JSON.

nft 1.0.6 breaks off at a dormant table (K-25): where there is one, the others are listed one by one.
"""

import json
from collections.abc import Mapping, Sequence

from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.snapshot.dump import Table

NFT_TABLE_F_DORMANT = 1
RULESET = ("nft", "-j", "list", "ruleset")
NO_RULES = '{"nftables": []}'
FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_PART = "nft table "


def commands(tables: Sequence[Fields], left_out: Sequence[Fields] = ()) -> dict[str, Sequence[str]]:
    """What to run for all tables but those that are left out, by a name that `join` knows."""
    listed = [table for table in tables if not _dormant(table) and table not in left_out]
    if tables and len(listed) == len(tables):
        return {"nft": RULESET}
    named = [(_family(table), str(table.get("name"))) for table in listed]
    return {f"{_PART}{family} {name}": ("nft", "-j", "list", "table", family, name) for family, name in named}


def without_parts(results: Mapping[str, Table]) -> dict[str, Table]:
    """Before the whole is listed after all."""
    return {name: table for name, table in results.items() if not name.startswith(_PART)}


def join(results: Mapping[str, Table], tables: Sequence[Fields], started: float) -> dict[str, Table]:
    """`results` with the parts of the ruleset put together under `nft`."""
    rest = without_parts(results)
    dormant = [table for table in tables if _dormant(table)]
    if not dormant and len(rest) == len(results):
        return rest
    listed: list[object] = [_entry(table) for table in dormant]
    for name, result in results.items():
        if name.startswith(_PART):
            if result.state != "ok":
                return {**rest, "nft": result}
            listed += json.loads(str(result.data))["nftables"]
    return {**rest, "nft": Table(time=started, data=json.dumps({"nftables": listed}))}


def _entry(table: Fields) -> Mapping[str, object]:
    fields = {"family": _family(table), "name": table.get("name"), "handle": table.get("handle")}
    return {"table": {**fields, "flags": ["dormant"]}}


def _dormant(table: Fields) -> bool:
    flags = table.get("flags")
    return isinstance(flags, int) and bool(flags & NFT_TABLE_F_DORMANT)


def _family(table: Fields) -> str:
    number = table["family"]
    assert isinstance(number, int)
    return FAMILIES.get(number, str(number))
