"""Which connections are kept."""

from ipaddress import ip_address

import pytest

from kubectl_skoop.collect.selection import Cut, Selection, parse_wanted
from kubectl_skoop.model.errors import InputError


def packed(address: str) -> bytes:
    return ip_address(address).packed


@pytest.mark.parametrize(
    ("src", "dst", "wanted"),
    [
        ("10.0.0.1", "10.9.9.9", True),
        ("10.9.9.9", "10.0.0.1", True),
        ("fd00::1", "fd00::9", True),
        ("10.1.0.1", "10.1.0.2", True),
        ("10.1.0.2", "10.1.0.1", True),
        ("10.1.0.1", "10.9.9.9", False),
        ("10.1.0.1", "10.1.0.1", False),
    ],
)
def test_an_address_covers_all_of_its_connections_and_a_pair_those_between(
    src: str, dst: str, wanted: bool
) -> None:
    selection = parse_wanted("10.0.0.1,fd00::1,10.1.0.1-10.1.0.2")
    assert isinstance(selection, Selection)
    assert selection.covers(packed(src), packed(dst)) is wanted


@pytest.mark.parametrize(
    ("src", "dst", "wanted"),
    [
        ("10.0.0.1", "10.0.0.2", True),
        ("10.0.0.1", "192.168.1.1", True),
        ("192.168.1.1", "10.0.0.1", True),
        ("10.0.0.1", "192.168.2.1", False),
        ("203.0.113.1", "10.0.0.1", False),
        ("fd00::1", "fd00::2", True),
        ("fd00::1", "fd01::2", False),
        ("203.0.113.9", "198.51.100.1", True),
        ("::", "::1", False),
    ],
)
def test_networks_cover_what_is_between_any_two_of_them(src: str, dst: str, wanted: bool) -> None:
    selection = parse_wanted("10.0.0.0/8,192.168.1.0/24,fd00::/16,203.0.113.9")
    assert isinstance(selection, Selection)
    assert selection.covers(packed(src), packed(dst)) is wanted


@pytest.mark.parametrize("text", ["all", "none"])
def test_words(text: str) -> None:
    assert parse_wanted(text) == text


@pytest.mark.parametrize(
    "text", ["", "some", "10.0.0.1,", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1-", "1.1.1.1-1.1.1.2-1.1.1.3"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--conntrack"):
        parse_wanted(text)


def test_a_cut_in_words() -> None:
    assert str(Cut(("10.0.0.1", "10.0.0.2"))) == "only entries with 10.0.0.1, 10.0.0.2"
    assert str(Cut(("10.0.0.0/8", "fd00::/16"))) == "only entries within 10.0.0.0/8, fd00::/16"
    assert str(Cut(("10.0.0.0/8", "1.1.1.1"))) == "only entries with 1.1.1.1 or within 10.0.0.0/8"
    assert str(Cut((), 7)) == "7 entries above the first 100000 are left out"
    assert str(Cut(())) == ""
