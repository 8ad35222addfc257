"""Options of plugins and providers: declared once, as the fields of a frozen dataclass.

Field `pod_mtu` of the plugin `flannel` is `--flannel-pod-mtu` on the command line and `SKOOP_FLANNEL_POD_MTU`
in the environment.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple, Protocol, TypeGuard, TypeVar, get_args, get_origin, get_type_hints

from kubectl_skoop.model.errors import InputError

T = TypeVar("T")
BinderT = TypeVar("BinderT", bound="ConfigBinder")

_BOOLEANS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_HELP = "help"


class OptionError(InputError):
    """An option that is not known, or whose value does not fit."""


class ConfigBinder(Protocol):
    """A frozen dataclass; its fields are bool, int, str, an Enum of texts, or a Literal of texts."""

    def validate(self) -> None:
        """Raises: OptionError, with the option's name."""
        ...


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Of a plugin without options."""

    def validate(self) -> None:
        """Nothing can be wrong."""


class Option(NamedTuple):
    """One option as a user sees it."""

    name: str
    """Without dashes: `flannel-pod-mtu`."""
    field: str
    type: object
    default: object
    help: str

    @property
    def environment(self) -> str:
        return "SKOOP_" + self.name.upper().replace("-", "_")

    @property
    def values(self) -> tuple[str, ...]:
        """All that may be given; empty: any text, or any number."""
        if get_origin(self.type) is Literal:
            return tuple(str(value) for value in get_args(self.type))
        if self.type is bool:
            return ("true", "false")
        return tuple(str(entry.value) for entry in self.type) if _is_enum(self.type) else ()


def option(default: T, help: str, *, secret: bool = False) -> T:
    """A field of a ConfigBinder. `secret`: its value is not in the text of the object."""
    return dataclasses.field(default=default, repr=not secret, metadata={_HELP: help})


def options_of(binder: type[ConfigBinder], owner: str) -> tuple[Option, ...]:
    """The options of the plugin or provider `owner`, in the order of declaration."""
    types = get_type_hints(binder)
    return tuple(
        Option(
            name=f"{owner}-{field.name.replace('_', '-')}",
            field=field.name,
            type=types[field.name],
            default=field.default,
            help=str(field.metadata.get(_HELP, "")),
        )
        for field in _fields(binder)
    )


def bind(binder: type[BinderT], owner: str, typed: Mapping[str, str]) -> BinderT:
    """The options from what was typed; names of other owners are passed over.

    Raises:
        OptionError: an unknown name of this owner, or a value that does not fit.
    """
    known = {entry.name: entry for entry in options_of(binder, owner)}
    values: dict[str, object] = {}
    for name, text in typed.items():
        if name in known:
            values[known[name].field] = _parse(known[name], text)
        elif name.startswith(f"{owner}-"):
            raise unknown_option(name, known)
    bound = binder(**values)
    bound.validate()
    return bound


def unknown_option(name: str, known: Mapping[str, object]) -> OptionError:
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"meant: {', '.join(f'--{entry}' for entry in near)}?" if near else ""
    return OptionError(f"no such option: --{name}", hint=hint)


def _fields(binder: type[object]) -> "tuple[dataclasses.Field[object], ...]":
    if not dataclasses.is_dataclass(binder):
        raise TypeError(f"{binder.__qualname__} must be a dataclass to declare options")
    return dataclasses.fields(binder)


def _parse(entry: Option, text: str) -> object:
    if entry.type is bool:
        if text.lower() not in _BOOLEANS:
            raise OptionError(f"--{entry.name}: true or false, not {text!r}")
        return _BOOLEANS[text.lower()]
    if entry.type is int:
        try:
            return int(text)
        except ValueError:
            raise OptionError(f"--{entry.name}: a number, not {text!r}") from None
    if entry.values and text not in entry.values:
        known = ", ".join(value for value in entry.values if value)
        raise OptionError(f"--{entry.name}: one of {known}, not {text!r}")
    return entry.type(text) if _is_enum(entry.type) else text


def _is_enum(declared: object) -> TypeGuard[type[Enum]]:
    return isinstance(declared, type) and issubclass(declared, Enum)
