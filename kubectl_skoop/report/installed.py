"""Lists of what is installed and of what was detected."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tabulate import tabulate

from kubectl_skoop.diagnosis.extension.interface import Setting
from kubectl_skoop.diagnosis.extension.options import Option
from kubectl_skoop.report.escape import safe


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A plugin or provider."""

    name: str
    origin: str
    """The package that brings it, and its class there."""
    about: str
    """The first line of its module."""
    options: Sequence[Option] = ()


def installed_text(entries: Iterable[Installed], *, headers: bool = True) -> str:
    entries = list(entries)
    rows = [(safe(entry.name), safe(entry.about), safe(entry.origin)) for entry in entries]
    text = _table(("NAME", "ABOUT", "FROM"), rows, headers)
    options = [_option_row(option) for entry in entries for option in entry.options]
    if options:
        text += "\n" + _table(("OPTION", "VALUES", "DEFAULT", "ABOUT"), options, headers)
    return text


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], headers: bool) -> str:
    return tabulate(rows, headers=names if headers else (), tablefmt="plain") + "\n"


def _option_row(option: Option) -> tuple[str, str, str, str]:
    default = getattr(option.default, "value", option.default)
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    return f"--{option.name}", "|".join(option.values) or "any", safe(shown), safe(option.help)


def settings_text(settings: Iterable[Setting], *, headers: bool = True) -> str:
    """Each detected fact, where it was read, and which option overrides it."""
    rows = [
        (
            safe(each.name),
            safe(each.value) or "(not known)",
            safe(each.source),
            f"--{each.option}" if each.option else "",
        )
        for each in settings
    ]
    return _table(("FACT", "VALUE", "SOURCE", "OVERRIDE"), rows, headers)
