"""Where to listen, and who may be meant by a Host header."""

import socket

import pytest

from kubectl_skoop.model.errors import InputError
from kubectl_skoop.web.address import host_is_known, listen_address

GOOD = {
    "127.0.0.1:0": ("127.0.0.1", 0),
    "127.0.0.1:8080": ("127.0.0.1", 8080),
    "localhost:80": ("127.0.0.1", 80),
    "[::1]:65535": ("[::1]", 65535),
    "0.0.0.0:1": ("0.0.0.0", 1),
}


@pytest.mark.parametrize(("written", "wanted"), GOOD.items(), ids=GOOD)
def test_an_address(written: str, wanted: tuple[str, int]) -> None:
    found = listen_address(written)
    assert (found.host, found.port) == wanted


BAD = {
    "8080": "must be ADDRESS:PORT",
    "127.0.0.1": "must be ADDRESS:PORT",
    ":8080": "must be ADDRESS:PORT",
    "127.0.0.1:": "nothing is no port from 0 to 65535",
    "127.0.0.1:65536": "65536 is no port from 0 to 65535",
    "127.0.0.1:-1": "-1 is no port",
    "127.0.0.1:٣": "٣ is no port",
    "example.org:80": "example.org is no IP address",
    "::1:80": "an IPv6 address stands in brackets",
    "127.1:80": "127.1 is no IP address",
}


@pytest.mark.parametrize(("written", "message"), BAD.items(), ids=BAD)
def test_no_address(written: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        listen_address(written)
    assert f"address {written}: {message}" in str(raised.value)


NEAR = ["127.0.0.1", "127.0.0.1:8080", "127.9.9.9:1", "localhost", "LOCALHOST:80", "[::1]:80", "[::1]"]
ADDRESSES = ["192.0.2.7:80", "[2001:db8::1]:80"]
STRANGERS = [
    "", "example.org", "localhost.example.org:80", "127.0.0.1.example.org", "example.org:127.0.0.1",
    "localhost:", "127.0.0.1@example.org", "[::1", "127.0.0.1:80:80", "localhost.", "0x7f.1", " 127.0.0.1",
    "127.0.0.1\r\nx",
]  # fmt: skip


@pytest.mark.parametrize("header", NEAR)
def test_a_loopback_host_is_known(header: str) -> None:
    assert host_is_known(header, remote=False)
    assert host_is_known(header, remote=True)


@pytest.mark.parametrize("header", ADDRESSES)
def test_other_addresses_are_known_where_others_may_come(header: str) -> None:
    assert not host_is_known(header, remote=False)
    assert host_is_known(header, remote=True)


@pytest.mark.parametrize("header", STRANGERS)
def test_a_name_that_anybody_can_have_resolved_to_here_is_not_known(header: str) -> None:
    assert not host_is_known(header, remote=False)
    assert not host_is_known(header, remote=True)


def test_the_own_name_is_known_where_others_may_come() -> None:
    own = f"{socket.gethostname()}:80"
    assert host_is_known(own, remote=True)
