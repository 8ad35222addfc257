"""A container image without a registry: static busybox, packed as `docker save` would."""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_BUSYBOX = Path("/bin/busybox")
_FOLDERS = ("bin", "dev", "etc", "proc", "root", "sys", "tmp", "var")
_COMMANDS = (
    "cat",
    "cp",
    "hostname",
    "httpd",
    "ip",
    "kill",
    "killall",
    "mkdir",
    "netstat",
    "ps",
    "sh",
    "sleep",
)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_USERS = "root:x:0:0:root:/root:/bin/sh\n"


def write_image(
    path: Path, name: str, command: Sequence[str], files: Mapping[str, str] | None = None
) -> Path:
    """`files`: executable texts by path. Equal arguments give equal bytes."""
    layer = _tar(_layer_entries(files or {}))
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Entrypoint": list(command), "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [f"{digest}/layer.tar"]}]
    parts = ((config_name, config), (f"{digest}/layer.tar", layer), ("manifest.json", _json(manifest)))
    path.write_bytes(_tar((_file(name, 0o644, data), data) for name, data in parts))
    return path


def _layer_entries(files: Mapping[str, str]) -> Iterable[tuple[tarfile.TarInfo, bytes]]:
    folders = {str(parent) for file in files for parent in Path(file).parents if parent.name}
    for folder in sorted({*_FOLDERS, *folders}):
        entry = tarfile.TarInfo(folder)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
        yield entry, b""
    busybox = _BUSYBOX.read_bytes()
    yield _file("bin/busybox", 0o755, busybox), busybox
    for command in _COMMANDS:
        entry = tarfile.TarInfo(f"bin/{command}")
        entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
        yield entry, b""
    for path, text in {"etc/passwd": _USERS, "etc/group": "root:x:0:\n", **files}.items():
        yield _file(path, 0o755, text.encode()), text.encode()


def _file(path: str, mode: int, data: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(data), mode
    return entry


def _tar(entries: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for entry, data in entries:
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
