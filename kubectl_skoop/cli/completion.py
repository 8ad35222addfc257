"""`completion SHELL`, `completion --install`."""

import os
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import typer

from kubectl_skoop.cli.output import emit
from kubectl_skoop.model.errors import InputError

Shell = Literal["bash", "zsh", "fish"]
KUBECTL_DOOR = "kubectl_complete-skoop"
"""The program that kubectl (1.26 and newer) asks for the words after `kubectl skoop`."""
_PROGRAM = "kubectl-skoop"


def run(
    shell: Annotated[Shell | None, typer.Argument(metavar="[bash|zsh|fish]", show_default=False)] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Write it where the shell and kubectl look for it.")
    ] = False,
) -> None:
    """Print the completion script of a shell, or put it in its place.

    With --install the shell is that of $SHELL unless it is named; no start-up file of the shell is changed.
    """
    if not install:
        if shell is None:
            raise InputError(
                "the shell is missing", hint="completion bash, zsh or fish; or completion --install"
            )
        emit(script(shell))
        return
    chosen = shell or _own_shell()
    path = place(chosen)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script(chosen), "utf-8")
    emit(f"{chosen}: {path}")
    if chosen == "zsh":
        emit(f"  ~/.zshrc needs, before compinit: fpath=({path.parent} $fpath)")
    if chosen == "bash":
        emit("  read by the package bash-completion; without it: source the file in ~/.bashrc")
    emit(f"kubectl: {_install_door()}")


def script(shell: Shell) -> str:
    """What the shell shall source."""
    return files("kubectl_skoop.cli").joinpath("shells", shell).read_text("utf-8")


def place(shell: Shell) -> Path:
    """Where the shell looks for completions of one user."""
    data = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser()
    match shell:
        case "bash":
            return data / "bash-completion" / "completions" / _PROGRAM
        case "zsh":
            return data / "zsh" / "site-functions" / f"_{_PROGRAM}"
        case "fish":
            config = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
            return config / "fish" / "completions" / f"{_PROGRAM}.fish"


def _own_shell() -> Shell:
    """Raises: InputError."""
    match Path(os.environ.get("SHELL", "")).name:
        case "bash" | "zsh" | "fish" as shell:
            return shell
        case other:
            raise InputError(
                f"SHELL is {other or 'not set'}, for which there is no completion",
                hint="completion --install bash, zsh or fish",
            )


def _install_door() -> Path:
    """Beside our own program, unless there is one already (pip brings it). Raises: InputError."""
    there = shutil.which(KUBECTL_DOOR)
    if there:
        return Path(there)
    program = shutil.which(_PROGRAM)
    if program is None:
        raise InputError(f"{_PROGRAM} is not on the PATH, so kubectl does not find it either")
    door = Path(program).absolute().with_name(KUBECTL_DOOR)
    if not os.access(door.parent, os.W_OK):
        raise InputError(f"{door.parent}: no right to write {KUBECTL_DOOR} beside {_PROGRAM}")
    door.write_text(f'#!/bin/sh\nexec "{program}" __complete "$@"\n', "utf-8")
    door.chmod(0o755)
    return door
