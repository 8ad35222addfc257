"""Running the tools that print netfilter's state, several at once, with bounded time and output."""

import contextlib
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from kubectl_skoop.collect.node_root import NODE_ROOT
from kubectl_skoop.snapshot.dump import Table

TIMEOUT = 30.0
OUTPUT_BYTES = 128 << 20
"""As much as a snapshot takes of one table."""
_REASON_BYTES, _COMPLAINT_BYTES = 400, 1 << 16
_LEFT_OUT = (b"Unknown data type in set", b"Unknown set '")
"""What nft 1.0.6 says of a set that it cannot read (`ct label { 3, 4 }`). It lists the rules that ask for it
without that match, and ends well (netlink_delinearize.c)."""
_SEARCH = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin"
_ENVIRONMENT = {"LC_ALL": "C", "PATH": _SEARCH}


def found(tool: str, node_root: Path = NODE_ROOT) -> Sequence[str]:
    """How a tool is started: here, else in the node's own root; empty: neither has it."""
    if (path := shutil.which(tool, path=_SEARCH)) is not None:
        return [path]
    change_root = shutil.which("chroot", path=_SEARCH)
    for folder in _SEARCH.split(":") if change_root is not None else ():
        # A link may be absolute: only inside of that root it leads anywhere.
        if os.path.lexists(f"{node_root}{folder}/{tool}"):
            return [str(change_root), str(node_root), f"{folder}/{tool}"]
    return []


class Running:
    """Tools that were started in the calling thread's network namespace; they inherit it."""

    def __init__(self, commands: Mapping[str, Sequence[str]], *, timeout: float = TIMEOUT) -> None:
        self.started = time.time()
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._results: dict[str, Table] = {}
        self._commands = commands
        for name, (tool, *arguments) in commands.items():
            program = found(tool)
            if not program:
                self._end(name, Table(state="absent", reason=f"{tool}: not installed", time=self.started))
                continue
            self._processes[name] = subprocess.Popen(
                [*program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_ENVIRONMENT,
            )

    def finish(self) -> dict[str, Table]:
        """The output of each as text; none is left running."""
        output: dict[str, list[bytes]] = {name: [] for name in self._processes}
        complaints: dict[str, bytes] = dict.fromkeys(self._processes, b"")
        sizes = dict.fromkeys(self._processes, 0)
        with selectors.DefaultSelector() as selector:
            for name, process in self._processes.items():
                assert process.stdout is not None
                assert process.stderr is not None
                selector.register(process.stdout, selectors.EVENT_READ, (name, True))
                selector.register(process.stderr, selectors.EVENT_READ, (name, False))
            while selector.get_map():
                ready = selector.select(max(0.0, self._deadline - time.monotonic()))
                if not ready:
                    break
                for key, _ in ready:
                    name, is_output = key.data
                    data = os.read(key.fd, 1 << 20)
                    if not data:
                        selector.unregister(key.fileobj)
                    elif is_output:
                        output[name].append(data)
                        sizes[name] += len(data)
                        if sizes[name] > OUTPUT_BYTES:
                            self._too_long(name, selector)
                    elif len(complaints[name]) < _COMPLAINT_BYTES:
                        complaints[name] += data
        for name, process in self._processes.items():
            self._end(name, self._result(process, b"".join(output[name]), complaints[name]))
        return self._results

    def _result(self, process: subprocess.Popen[bytes], output: bytes, complaint: bytes) -> Table:
        try:
            code = process.wait(max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return Table(state="timeout", reason=f"no end after {self._timeout:g} s", time=self.started)
        finally:
            _close(process.stdout)
            _close(process.stderr)
        if code == 0 and not any(words in complaint for words in _LEFT_OUT):
            return Table(time=self.started, data=output.decode("utf-8", "backslashreplace"))
        words = complaint[:_REASON_BYTES].decode("utf-8", "backslashreplace").strip().replace("\n", "; ")
        denied = "ermission denied" in words or "Operation not permitted" in words
        reason = words or f"ended with {code}"
        return Table(state="forbidden" if denied else "failed", reason=reason, time=self.started)

    def _too_long(self, name: str, selector: selectors.BaseSelector) -> None:
        process = self._processes[name]
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            with contextlib.suppress(KeyError):
                selector.unregister(stream)
        process.kill()
        reason = f"more than {OUTPUT_BYTES >> 20} MiB of output"
        self._end(name, Table(state="failed", reason=reason, time=self.started))

    def _end(self, name: str, table: Table) -> None:
        self._results.setdefault(name, table)


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        stream.close()
