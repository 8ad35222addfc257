"""Prefixes, special ranges, and the relations between networks."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kubectl_skoop.model.packet import Address, Network
from kubectl_skoop.snapshot.redact.address import CARRIES_IPV4, KEPT, LONGEST_OPEN, UNTOUCHED, AddressMap

KEY = b"k" * 32
STEADY = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
V6 = st.integers(0, 2**128 - 1).map(IPv6Address)
ULA = st.integers(0, 2**120 - 1).map(lambda low: IPv6Address(0xFD << 120 | low))
ADDRESSES = V4 | V6 | ULA
GROUPS = ip_network("ff00::/8")


def common(one: Address, other: Address) -> int:
    """Bits at the beginning that are the same."""
    return one.max_prefixlen - (int(one) ^ int(other)).bit_length()


@STEADY
@given(st.tuples(V4, V4) | st.tuples(ULA, ULA), st.binary(min_size=32, max_size=32))
def test_the_length_of_a_common_prefix_is_kept(pair: tuple[Address, Address], key: bytes) -> None:
    addresses = AddressMap(key)
    assert common(*pair) == common(*map(addresses.address, pair))


@STEADY
@given(V4, st.integers(0, 32))
def test_neighbours_of_any_closeness_stay_neighbours(address: IPv4Address, length: int) -> None:
    other = IPv4Address(int(address) ^ ((1 << 32) - 1 >> length))
    addresses = AddressMap(KEY)
    assert common(address, other) == common(addresses.address(address), addresses.address(other))


@pytest.mark.parametrize("text", [*KEPT, *UNTOUCHED, *CARRIES_IPV4])
@STEADY
@given(data=st.data())
def test_an_address_of_a_special_range_stays_in_it_and_others_stay_out(
    text: str, data: st.DataObject
) -> None:
    network = ip_network(text)
    number = int(network[data.draw(st.integers(0, network.num_addresses - 1))])
    inside: Address = IPv4Address(number) if network.version == 4 else IPv6Address(number)
    outside: Address = data.draw(V4) if network.version == 4 else data.draw(V6)
    addresses = AddressMap(KEY)
    assert addresses.address(inside) in network
    assert (addresses.address(outside) in network) == (outside in network)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "0.0.0.0",
            "255.255.255.255",
            "127.0.0.1",
            "127.0.0.53",
            "169.254.169.254",
            "224.0.0.22",
            "239.1.2.3",
        ),
        *("::", "::1", "ff02::1", "ff02::16", "fe80::ecee:eeff:feee:eeee"),
    ],
)
def test_what_says_nothing_of_a_site_stays(text: str) -> None:
    assert str(AddressMap(KEY).address(ip_address(text))) == text


@STEADY
@given(V4)
def test_an_ipv4_address_in_an_ipv6_one_is_the_same_as_alone(address: IPv4Address) -> None:
    addresses = AddressMap(KEY)
    mapped = addresses.address(IPv6Address(f"::ffff:{address}"))
    assert isinstance(mapped, IPv6Address)
    assert mapped.ipv4_mapped == addresses.address(address)


@STEADY
@given(ADDRESSES, st.data())
def test_the_ends_of_a_network_stay_its_ends(address: Address, data: st.DataObject) -> None:
    bits = address.max_prefixlen
    length = data.draw(st.integers(LONGEST_OPEN[address.version] + 1, bits - 2))
    network = ip_network(f"{address}/{length}", strict=False)
    assume(network.version == 4 or not network.overlaps(GROUPS))
    assume(network.version == 4 or not any(network.overlaps(ip_network(text)) for text in CARRIES_IPV4))
    addresses = AddressMap(KEY, [network])
    mapped = addresses.network(network)
    assert addresses.address(network.network_address) == mapped.network_address
    assert addresses.address(network.broadcast_address) == mapped.broadcast_address
    assert addresses.address(network[1]) == mapped[1]


@STEADY
@given(st.lists(st.tuples(V4, st.integers(1, 32)), min_size=2, max_size=6))
def test_containment_of_networks_stays(drawn: list[tuple[IPv4Address, int]]) -> None:
    networks: list[Network] = [ip_network(f"{address}/{length}", strict=False) for address, length in drawn]
    networks += [ip_network(f"{drawn[0][0]}/{length}", strict=False) for _, length in drawn]
    addresses = AddressMap(KEY, networks)
    mapped = [addresses.network(network) for network in networks]
    for one, new_one in zip(networks, mapped, strict=True):
        for other, new_other in zip(networks, mapped, strict=True):
            assert one.overlaps(other) == new_one.overlaps(new_other)


@STEADY
@given(st.sets(ADDRESSES, max_size=50))
def test_no_two_addresses_become_one(drawn: set[Address]) -> None:
    addresses = AddressMap(KEY)
    assert len({addresses.address(address) for address in drawn}) == len(drawn)


def test_the_group_that_is_asked_for_an_address_stays_that_of_the_address() -> None:
    host = IPv6Address("fd00:10:244:1::abcd")
    addresses = AddressMap(KEY, [ip_network("fd00:10:244:1::/64")], [host])
    group = addresses.address(IPv6Address("ff02::1:ff00:abcd"))
    assert int(group) & 0xFFFFFF == int(addresses.address(host)) & 0xFFFFFF
    assert group in ip_network("ff02::1:ff00:0/104")


def test_another_key_gives_other_addresses() -> None:
    address = ip_address("10.244.1.7")
    assert AddressMap(KEY).address(address) != AddressMap(b"l" * 32).address(address) != address
