"""`snapshot`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer._click.core import Context
from typer.core import TyperCommand

from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import emit, report_error
from kubectl_skoop.model.errors import InputError

_LISTS = ("--node-dump", "--objects")


class ListsCommand(TyperCommand):
    """Options of `_LISTS` take all words up to the next option, so that `--node-dump *.dump` works."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args))


COMMAND_CLASS = ListsCommand


def spread(words: Sequence[str], lists: Sequence[str] = _LISTS) -> list[str]:
    """`--objects a b` as `--objects a --objects b`."""
    spread: list[str] = []
    option, taken = "", 0
    for word in words:
        if word.startswith("-"):
            option, taken = (word if word in lists else ""), 0
        elif option:
            if taken:
                spread.append(option)
            taken += 1
        spread.append(word)
    return spread


def run(
    file: Annotated[Path, typer.Option("--file", "-f", metavar="FILE", help="The snapshot to write.")],
    node_dump: Annotated[
        list[Path] | None,
        typer.Option("--node-dump", metavar="FILE…", help="What 'collect' wrote on a node."),
    ] = None,
    objects: Annotated[
        list[Path] | None,
        typer.Option(
            "--objects",
            metavar="FILE-OR-DIR…",
            help="Kubernetes objects, as 'kubectl get -o yaml' or '-o json'.",
        ),
    ] = None,
) -> int:
    """Assemble a snapshot from node dumps and Kubernetes objects.

    Exit code 3: the file is written, but a node is not in it, or a part of a dump was lost.
    """
    if not node_dump:
        raise InputError(
            "a live cluster cannot be gathered yet",
            hint="run 'collect' on each node, then this with --node-dump FILE… and --objects FILE-OR-DIR…",
        )
    from kubectl_skoop.diagnosis.wants import allowed
    from kubectl_skoop.snapshot.assemble import assemble
    from kubectl_skoop.snapshot.objects_file import read_objects

    found = read_objects(objects or [], allowed())
    missing = assemble(node_dump, found, file, time=time.time())
    emit(f"{file}: {len(node_dump)} node dumps, {sum(map(len, found.values()))} objects")
    if missing:
        report_error(f"not in the snapshot: {'; '.join(map(str, missing))}")
    return ExitCode.NO_VERDICT if missing else ExitCode.OK
