"""An error in a value that nobody typed names the variable, or the key of the file, that it is from."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from typer._click.core import Context

_KEY = "kubectl_skoop.origins"
_UNNAMED = {
    "cloud-provider": "no cloud provider {!r} ",
    "network-plugin": "no network plugin {!r} ",
    "snapshot": "{}: ",
}
"""Options that errors in their values do not name, and how these begin."""


class Origin(NamedTuple):
    """Of a value."""

    name: str
    """The variable, or the file with its key."""
    text: str


def keep(ctx: Context, origins: Mapping[str, Origin], words: Sequence[str]) -> None:
    """By option. `words`: of the command line, which outweighs them."""
    typed = {word.partition("=")[0] for word in words}
    ctx.meta.setdefault(_KEY, {}).update(
        {option: origin for option, origin in origins.items() if f"--{option}" not in typed}
    )


def told(ctx: Context, message: str) -> str:
    """The message, with the origin in place of the option, or before the value."""
    origins: Mapping[str, Origin] = ctx.meta.get(_KEY, {})
    for option, origin in origins.items():
        named = re.compile(rf"--{re.escape(option)}(?![\w-])")
        if named.search(message):
            return named.sub(origin.name.replace("\\", r"\\"), message)
        beginning = _UNNAMED.get(option, "").format(origin.text)
        if beginning and message.startswith(beginning):
            return f"{origin.name}: {message}"
    return message
