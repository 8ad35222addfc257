"""Keys of sets that are read the short way mean what the long way makes of them."""

import pytest

from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.pattern import Exact, parse_constant, parse_pattern
from kubectl_skoop.netstack.netfilter.nft.sets import parse_set

DOOR = (types.IPV4, types.PROTOCOL, types.SERVICE)


@pytest.mark.parametrize(
    ("key", "of"),
    [
        ("10.96.0.1", (types.IPV4,)),
        ("fd00::1", (types.IPV6,)),
        (80, (types.SERVICE,)),
        ("tcp", (types.PROTOCOL,)),
        ({"concat": ["10.96.0.1", "tcp", 80]}, DOOR),
        ({"concat": ["10.96.0.1", 6, 80]}, DOOR),
    ],
    ids=str,
)
def test_constants(key: object, of: tuple[Datatype, ...]) -> None:
    value = parse_constant(key, of)
    assert value is not None
    assert parse_pattern(key, of) == Exact(value)


@pytest.mark.parametrize(
    ("key", "of"),
    [
        ("*", (types.IPV4,)),
        ({"prefix": {"addr": "10.0.0.0", "len": 8}}, (types.IPV4,)),
        ({"range": [1, 2]}, (types.SERVICE,)),
        ({"elem": {"val": 80, "comment": "x"}}, (types.SERVICE,)),
        ("eth*", (types.NAME,)),
        ("0x50", (types.SERVICE,)),
        (["new"], (types.CT_STATE,)),
        ("02:00:00:00:00:01", (types.MAC,)),
        ({"concat": ["10.96.0.1", "tcp", {"range": [1, 2]}]}, DOOR),
        (True, (types.BOOLEAN,)),
    ],
    ids=str,
)
def test_others_are_left_to_the_long_way(key: object, of: tuple[Datatype, ...]) -> None:
    assert parse_constant(key, of) is None
    parse_pattern(key, of)


@pytest.mark.parametrize(
    ("key", "of"),
    [
        ("nonsense", (types.PROTOCOL,)),
        ("10.96.0", (types.IPV4,)),
        ({"concat": ["10.96.0.1", "tcp"]}, DOOR),
        (None, (types.SERVICE,)),
    ],
    ids=str,
)
def test_what_has_no_meaning_has_none_either_way(key: object, of: tuple[Datatype, ...]) -> None:
    assert parse_constant(key, of) is None
    with pytest.raises(Unmodelled):
        parse_set([key], of)
