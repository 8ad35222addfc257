"""`version`."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperOption

from kubectl_skoop import __version__
from kubectl_skoop.cli import defaults, live
from kubectl_skoop.cli.output import emit
from kubectl_skoop.model.errors import SkoopError
from kubectl_skoop.report.escape import safe

_LIBRARIES = ("kubernetes", "msgpack", "pyroute2", "pyyaml", "tabulate", "typer", "zstandard", "h2")
_TOOLS = ("iptables", "iptables-legacy-save", "iptables-nft-save", "nft", "ipset")
_ADMINISTRATORS = "/usr/local/sbin:/usr/sbin:/sbin"
_BACK_ENDS = {"xtables-nft-multi": "nft", "xtables-legacy-multi": "legacy"}
_TIMEOUT = "5s"
"""For the API server, unless --request-timeout says another."""


class VersionCommand(live.LiveCommand):
    """Asks the API server for its version, and nothing else."""

    def live_options(self) -> list[TyperOption]:
        return live.access_options()


COMMAND_CLASS = VersionCommand


def run(
    ctx: typer.Context,
    client: Annotated[bool, typer.Option("--client", help="Do not ask the API server.")] = False,
) -> None:
    """Print the version, and what was found: kernel, tools, plugins, libraries, the API server.

    No tool is run: asking one for its version may load kernel modules.
    """
    emit(f"kubectl-skoop {__version__}")
    for what, text in found():
        emit(f"{what:14} {safe(text)}")
    if not client:
        emit(f"{'API server':14} {safe(api_server(ctx))}")


def found() -> Iterator[tuple[str, str]]:
    """On this machine."""
    packed = ", of the archive" if getattr(sys, "frozen", False) else ""
    yield "Python", f"{platform.python_version()}{packed}"
    yield "kernel", f"{platform.system()} {platform.release()} {platform.machine()}"
    yield "tools", ", ".join(_tools()) or "none of those that collect runs"
    yield "configuration", _configuration()
    yield "plugins", _installed("PLUGINS")
    yield "providers", _installed("PROVIDERS")
    yield "libraries", ", ".join(_libraries())


def api_server(ctx: typer.Context) -> str:
    """Its version and address, or why there is none."""
    from kubectl_skoop.collect.live.api import Api
    from kubectl_skoop.collect.live.discovery import version_of

    given = {"request_timeout": _TIMEOUT, **live.values(ctx)}
    try:
        api = Api(live.access(given))
        return f"{version_of(api)} at {api.server}"
    except SkoopError as error:
        return f"none: {error}"


def _tools() -> Iterator[str]:
    path = f"{os.environ.get('PATH', os.defpath)}:{_ADMINISTRATORS}"
    for tool in _TOOLS:
        program = shutil.which(tool, path=path)
        if program is not None:
            back_end = _BACK_ENDS.get(Path(program).resolve().name, "")
            yield f"{tool} ({back_end})" if back_end and tool == "iptables" else tool


def _configuration() -> str:
    try:
        path = defaults.config_path(os.environ)
    except SkoopError as error:
        return str(error)
    return str(path) if path is not None and path.is_file() else "none"


def _installed(group: str) -> str:
    from kubectl_skoop.diagnosis.extension import registry

    try:
        return ", ".join(registry.installed(getattr(registry, group)))
    except SkoopError as error:
        return str(error)


def _libraries() -> Iterator[str]:
    from importlib.metadata import PackageNotFoundError, version

    for library in _LIBRARIES:
        try:
            yield f"{library} {version(library)}"
        except PackageNotFoundError:
            yield f"{library} missing"
