"""krew's manifest, filled in with the archives that a folder holds."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

TEMPLATE = Path(__file__).parents[2] / "krew-manifest.yaml"
NAME = "skoop.yaml"
"""krew wants a file that bears the plugin's name."""
_ARCHIVE = re.compile(r"kubectl-skoop-(?P<os>linux|darwin)-(?P<arch>amd64|arm64)\.tar\.gz")


def write(folder: Path, address: str = "") -> Path:
    """`skoop.yaml` beside the archives: the template, with a platform for each archive and no other.

    `address`: of the folder that the archives will be served from; empty: the template's.
    """
    content = yaml.safe_load(TEMPLATE.read_text("utf-8"))
    sample = content["spec"]["platforms"][0]
    base = address.rstrip("/") or sample["uri"].rpartition("/")[0]
    content["spec"]["platforms"] = [
        {
            "selector": {"matchLabels": labels},
            "uri": f"{base}/{archive.name}",
            "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
            "bin": sample["bin"],
        }
        for archive, labels in _archives(folder)
    ]
    path = folder / NAME
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return path


def _archives(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """With krew's labels of the platform that each is for."""
    for path in sorted(folder.iterdir()):
        if match := _ARCHIVE.fullmatch(path.name):
            yield path, match.groupdict()
