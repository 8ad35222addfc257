"""What the kernel has of native rules beside their listing: tables, chains at devices, what rules check."""

from collections.abc import Mapping

from kubectl_skoop.netstack.netfilter.nft.checks import FIELDS
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.netlink import rows
from kubectl_skoop.snapshot.redact.nft import chain_name
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms


def nft_raw(data: Mapping[object, object], pseudonyms: Pseudonyms, left_out: LeftOut) -> object:
    """The parameters of matches and targets are structures of the kernel's, in bytes."""
    given = data.get("rules")
    if isinstance(given, list) and given:
        left_out.add("nft_raw", "the parameters of a rule's matches", len(given))
    chains = data.get("chains")
    return {
        **_map(rows({**data, "rules": [], "chains": [], "checks": {}}, pseudonyms, left_out, "nft_raw")),
        "chains": [_device_chain(one, pseudonyms) for one in chains if isinstance(one, Mapping)]
        if isinstance(chains, list)
        else [],
        "checks": _checks(_map(data.get("checks")), pseudonyms),
    }


def _checks(checks: Mapping[object, object], pseudonyms: Pseudonyms) -> dict[str, object]:
    """Numbers of protocols only: `nft_checks` reads no address."""
    kinds, rules = checks.get("kinds"), checks.get("rules")
    return {
        "kinds": [_check_kind(_map(kind)) for kind in kinds] if isinstance(kinds, list) else [],
        "rules": [
            {
                "family": number if isinstance(number := rule.get("family"), int) else 0,
                "table": chain_name(str(rule.get("table")), pseudonyms),
                "handles": _integers(rule.get("handles")),
                "kinds": _integers(rule.get("kinds")),
            }
            for rule in map(_map, rules if isinstance(rules, list) else ())
        ],
    }


def _check_kind(kind: Mapping[object, object]) -> dict[str, object]:
    checks = kind.get("checks")
    statements, ranges = kind.get("statements"), kind.get("ranges")
    return {
        "statements": statements if isinstance(statements, int) else 0,
        **({"ranges": ranges} if isinstance(ranges, int) else {}),
        "checks": [check for check in checks if _is_check(check)] if isinstance(checks, list) else [],
    }


def _is_check(check: object) -> bool:
    match check:
        case [int(), str(field), bool(), int()]:
            return field in FIELDS
    return False


def _integers(value: object) -> list[int]:
    return [one for one in value if isinstance(one, int)] if isinstance(value, list) else []


def _device_chain(chain: Mapping[object, object], pseudonyms: Pseudonyms) -> dict[str, object]:
    """Named as in the ruleset."""
    devices = chain.get("devices")
    names = [str(name) for name in devices] if isinstance(devices, list) else []
    return {
        "family": number if isinstance(number := chain.get("family"), int) else 0,
        "table": chain_name(str(chain.get("table")), pseudonyms),
        "name": chain_name(str(chain.get("name")), pseudonyms),
        "devices": [pseudonyms.name(name.removesuffix("*")) + "*" * name.endswith("*") for name in names],
    }


def _map(value: object) -> Mapping[object, object]:
    return value if isinstance(value, Mapping) else {}
