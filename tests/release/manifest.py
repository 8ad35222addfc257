"""krew's manifest, filled in with the archives that a folder holds."""

import hashlib
from pathlib import Path

import yaml

TEMPLATE = Path(__file__).parents[2] / "krew-manifest.yaml"
NAME = "skoop.yaml"
"""krew wants a file that bears the plugin's name."""


def write(folder: Path, address: str = "") -> Path:
    """`skoop.yaml` beside the archives. A platform without an archive there is left out.

    `address`: of the folder that the archives will be served from; empty: the template's.
    """
    content = yaml.safe_load(TEMPLATE.read_text("utf-8"))
    platforms = []
    for entry in content["spec"]["platforms"]:
        base, _, name = entry["uri"].rpartition("/")
        archive = folder / name
        if archive.exists():
            uri = f"{address.rstrip('/') or base}/{name}"
            platforms.append(entry | {"uri": uri, "sha256": hashlib.sha256(archive.read_bytes()).hexdigest()})
    content["spec"]["platforms"] = platforms
    path = folder / NAME
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return path
