"""Options: what is typed becomes a frozen dataclass, or one clear line."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

import pytest

from kubectl_skoop.diagnosis.extension.options import NoOptions, OptionError, bind, option, options_of


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Config:
    pod_mtu: int = option(1450, "MTU of pods")
    bridge: str = option("cni0", "bridge of the pods")
    strict: bool = option(False, "compare everything")
    colour: Colour = option(Colour.RED, "a colour")
    backend: Literal["vxlan", "host-gw"] = option("vxlan", "backend")

    def validate(self) -> None:
        if self.pod_mtu > 9000:
            raise OptionError("--x-pod-mtu: at most 9000")


def test_without_anything_typed_the_defaults_hold() -> None:
    assert bind(Config, "x", {}) == Config()


def test_every_type_is_read_from_text() -> None:
    typed = {
        "x-pod-mtu": "1400",
        "x-bridge": "br1",
        "x-strict": "yes",
        "x-colour": "blue",
        "x-backend": "host-gw",
    }
    assert bind(Config, "x", typed) == Config(1400, "br1", True, Colour.BLUE, "host-gw")


def test_options_of_other_owners_are_passed_over() -> None:
    assert bind(Config, "x", {"y-anything": "1"}) == Config()
    assert bind(NoOptions, "y", {"x-pod-mtu": "1"}) == NoOptions()


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        pytest.param({"x-pod-mtu": "big"}, "--x-pod-mtu: a number, not 'big'", id="no number"),
        pytest.param({"x-strict": "maybe"}, "--x-strict: true or false, not 'maybe'", id="no truth value"),
        pytest.param(
            {"x-colour": "green"}, "--x-colour: one of red, blue, not 'green'", id="no such value of an enum"
        ),
        pytest.param(
            {"x-backend": "ipip"}, "--x-backend: one of vxlan, host-gw, not 'ipip'", id="no such literal"
        ),
        pytest.param({"x-pod-mtu": "9001"}, "--x-pod-mtu: at most 9000", id="refused by validate"),
        pytest.param({"x-pod-mut": "1400"}, "no such option: --x-pod-mut", id="unknown name"),
    ],
)
def test_what_does_not_fit_is_one_line(typed: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError) as error:
        bind(Config, "x", typed)
    assert str(error.value) == message


def test_an_unknown_name_gets_the_nearest_ones() -> None:
    with pytest.raises(OptionError) as error:
        bind(Config, "x", {"x-pod-mut": "1400"})
    assert error.value.hint == "meant: --x-pod-mtu?"


def test_an_option_tells_its_name_environment_and_values() -> None:
    mtu, _, strict, colour, backend = options_of(Config, "x")
    assert (mtu.name, mtu.environment, mtu.default, mtu.help) == (
        "x-pod-mtu",
        "SKOOP_X_POD_MTU",
        1450,
        "MTU of pods",
    )
    assert (mtu.values, strict.values) == ((), ("true", "false"))
    assert (colour.values, backend.values) == (("red", "blue"), ("vxlan", "host-gw"))


def test_a_class_that_is_no_dataclass_cannot_declare_options() -> None:
    class Plain:
        def validate(self) -> None:
            """Nothing."""

    with pytest.raises(TypeError, match="must be a dataclass"):
        options_of(Plain, "x")
