"""`explain [CODE]`."""

from typing import Annotated

import typer

from kubectl_skoop.cli.output import emit
from kubectl_skoop.model.codes import CODES
from kubectl_skoop.report.explain import explain


def run(code: Annotated[str, typer.Argument(metavar="[CODE]", show_default=False)] = "") -> None:
    """Explain the code of a finding: its meaning, what the kernel does, how to check by hand, how to mend.

    Without a code: all codes, each in one line.
    """
    width = max(map(len, CODES))
    emit(
        explain(code)
        if code
        else "\n".join(f"{name:{width}}  {text}" for name, text in sorted(CODES.items()))
    )
