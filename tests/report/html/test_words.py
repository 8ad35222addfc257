"""A question in an address: there and back."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.report.html.words import command_of, options_of, query_of, request_of, words_of

WHOLE = Request(
    source="pod/shop/cart",
    destination="fe80::1%eth0",
    port="http",
    protocol="udp",
    source_port=4000,
    size=1500,
    df=True,
    uid=4294967295,
    namespace="shop",
)
SHORT = Request(source="a/b", destination="node/n 1")


@pytest.mark.parametrize("request_", [WHOLE, SHORT], ids=["whole", "short"])
def test_a_question_comes_back(request_: Request) -> None:
    assert request_of(dict(parse_qsl(query_of(request_)))) == request_


def test_defaults_are_left_out() -> None:
    assert words_of(SHORT) == {"s": "a/b", "d": "node/n 1"}


def test_the_command() -> None:
    assert " ".join(command_of(WHOLE)) == (
        "kubectl skoop diagnose -s pod/shop/cart -d fe80::1%eth0 -p http --protocol udp --source-port 4000 "
        "--size 1500 --df --uid 4294967295 -n shop"
    )


def test_what_else_the_command_needs() -> None:
    options = Options(network_plugin="flannel", plugin={"flannel-pod-mtu": "1400"})
    assert options_of(Path("a b.skoop"), options) == [
        "--snapshot", "a b.skoop", "--network-plugin", "flannel", "--flannel-pod-mtu", "1400",
    ]  # fmt: skip
    assert options_of(Path("x"), Options()) == ["--snapshot", "x"]


WRONG = {
    "no protocol": ({"protocol": "tcp4"}, "protocol tcp4: must be one of tcp, udp, icmp, sctp"),
    "no number": ({"sport": "x"}, "source port x: must be a number from 0 to 65535"),
    "too large": ({"size": "65536"}, "size 65536: must be a number from 0 to 65535"),
    "digits of another script": ({"uid": "٣"}, "user id ٣: must be a number"),
    "endless": ({"uid": "9" * 5000}, "user id 9"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG)
def test_wrong_words(words: Mapping[str, str], message: str) -> None:
    with pytest.raises(InputError) as raised:
        request_of({"s": "a/b", "d": "c/d", **words})
    assert str(raised.value).startswith(message)
