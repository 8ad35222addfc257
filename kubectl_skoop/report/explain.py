"""What a finding's code means: the sections of `docs/suspicions.md`, which the package ships."""

from difflib import get_close_matches
from importlib.resources import files

from kubectl_skoop.model.codes import CODES
from kubectl_skoop.model.errors import UnknownName

DEVIATIONS = "PLUGIN.TABLE.STATE"
"""The section that stands for the codes of all plugins' deviations."""
STATES = frozenset({"missing", "differs", "unreadable"})


def sections() -> dict[str, str]:
    """Code → the text of its section, without the heading."""
    text = files("kubectl_skoop.report").joinpath("suspicions.md").read_text("utf-8")
    parts = text.split("\n### ")[1:]
    return {
        heading.strip(): body.split("\n## ")[0].strip()
        for heading, _, body in (part.partition("\n") for part in parts)
    }


def explain(code: str) -> str:
    """The section of one code, headed by the code and its meaning in a line.

    Raises: UnknownName with the nearest codes.
    """
    known = sections()
    if code in known:
        meaning = CODES.get(code, "")
        return f"{code}: {meaning}\n\n{known[code]}" if meaning else f"{code}\n\n{known[code]}"
    if code.count(".") >= 2 and code.rpartition(".")[2] in STATES:
        return f"{code}\n\n{known[DEVIATIONS]}"
    near = get_close_matches(code, known, n=3)
    hint = "did you mean " + ", ".join(near) + "?" if near else "'explain' without a code lists them"
    raise UnknownName(f"no such code: {code}", hint=hint)
