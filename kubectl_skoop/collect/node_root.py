"""Files of the node as its own processes see them, from inside of a container that shares its processes."""

import errno
import os
from pathlib import Path, PurePosixPath

NODE_ROOT = Path("/proc/1/root")
"""Of the node's first process; a symbolic link inside that is absolute would lead out of it."""
_MAX_LINKS = 40
"""As many as the kernel follows (include/linux/namei.h, MAXSYMLINKS)."""


def follow(path: PurePosixPath, root: Path = NODE_ROOT) -> list[PurePosixPath]:
    """The path, what each symbolic link on its way makes of it, and last the file; empty: there is none.

    All inside of `root`, as openat2(2) does with RESOLVE_IN_ROOT.
    """
    passed = [path]
    done: list[str] = []
    left = list(reversed(path.parts[1:]))
    while left:
        part = left.pop()
        if part == "..":
            del done[-1:]
            continue
        here = root.joinpath(*done, part)
        try:
            target = PurePosixPath(os.readlink(here))
        except OSError as error:
            if error.errno != errno.EINVAL:
                return []
            done.append(part)
            continue
        if len(passed) > _MAX_LINKS:
            return []
        if target.is_absolute():
            done.clear()
        left += reversed(target.relative_to("/").parts if target.is_absolute() else target.parts)
        passed.append(PurePosixPath("/", *done, *reversed(left)))
    return [*passed, PurePosixPath("/", *done)]


def inside(path: PurePosixPath, root: Path = NODE_ROOT) -> Path | None:
    """Where the file is for us; None: there is none."""
    passed = follow(path, root)
    return root / passed[-1].relative_to("/") if passed else None
