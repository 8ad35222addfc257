"""A guest kernel that runs as a process (Debian's user-mode-linux): it has IPVS, which the host may lack.

It sees this machine's files through hostfs, so the job is a Python script of this folder, run by the Python
that runs the test; what it writes into its folder is there when it has powered off. Its network is its own.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

KERNEL = Path("/usr/bin/linux.uml")
MODULES = Path("/usr/lib/uml/modules")
TOOLS = ("ipvsadm", "iptables-legacy", "ip", "modprobe")
CONFIGURATION = "configs"
"""/proc/config.gz, without which the agent searches all symbols of the kernel for what is built in."""
SLOWER = 1
"""How many times longer than on its host it is waited for what may still come."""
MEMORY = "384M"
TIMEOUT = 600
"""Seconds in which the job makes a file, the first one after the boot."""
_LONG_REGISTERS = "amx_tile"
"""A processor with it has more registers than the guest's kernel can set: see registers.c."""

_INIT = """#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONPATH={path}
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmpfs /run; mkdir -p /run/netns
echo {folder}/modprobe >/proc/sys/kernel/modprobe
for module in {modules}; do {folder}/modprobe $module; done
{job} >{folder}/job.log 2>&1 </dev/null
echo $? >{folder}/job.status
echo o >/proc/sysrq-trigger
sleep 5
"""
_MODPROBE = """#!/bin/sh
exec /sbin/modprobe -d {folder}/root "$@"
"""


class GuestError(RuntimeError):
    """The guest or its job failed: no statement about the kernel is possible."""


def why_no_guest() -> str:
    """Why no guest can run here; empty if one can."""
    if os.geteuid() != 0:
        return "the guest needs root (it works on this machine's files as their owner)"
    if not KERNEL.exists() or not any(MODULES.glob("*/modules.dep")):
        return "the guest needs Debian's package user-mode-linux"
    tools = (*TOOLS, *(("cc",) if _has_long_registers() else ()))
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return f"the guest needs {', '.join(missing)}" if missing else ""


def run(
    job: Path,
    folder: Path,
    modules: Sequence[str],
    *,
    memory: str = MEMORY,
    tap: str = "",
    inside: Sequence[str] = (),
) -> None:
    """Boot, load the modules, run `python job folder`, power off.

    `tap`: a device that the guest has the other end of, as `vec0`. `inside`: a command that runs the guest,
    `nsenter` with its options.

    Raises:
        GuestError: it did nothing for too long, or the job failed.
    """
    for release in MODULES.iterdir():
        link = folder / "root/lib/modules" / release.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(release)
    prepare(folder, (CONFIGURATION, *modules), job)
    arguments = [f"mem={memory}", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw"]
    arguments += [f"init={folder}/init", "con=null", "con0=null,fd:1", "quiet", f"uml_dir={folder}"]
    if tap:
        arguments.append(f"vec0:transport=tap,ifname={tap}")
    try:
        command = [*inside, *_preloading(folder), str(KERNEL), *arguments]
        console = run_group(command, TIMEOUT, lambda: len([*folder.rglob("*")]))
    except subprocess.TimeoutExpired as error:
        raise GuestError(f"the guest did nothing for {TIMEOUT} s: {_tail(folder)}") from error
    check(folder, console)


def _has_long_registers() -> bool:
    return _LONG_REGISTERS in Path("/proc/cpuinfo").read_text().split()


def _preloading(folder: Path) -> tuple[str, ...]:
    """What comes before the kernel on its command line, where the processor needs it."""
    if not _has_long_registers():
        return ()
    source, library = Path(__file__).with_name("registers.c"), folder / "registers.so"
    subprocess.run(("cc", "-shared", "-fPIC", "-O2", "-o", library, source), check=True)
    return ("env", f"LD_PRELOAD={library}")


def run_group(command: Sequence[str], timeout: float, progress: Callable[[], object] = lambda: None) -> str:
    """What a command and its children print, errors too. If they take longer, `timeout` in seconds, without
    that `progress` has become another, all of them end: user-mode-linux runs each of its processes as one of
    this machine.

    Raises: subprocess.TimeoutExpired.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as started:
        try:
            return _awaited(started, timeout, progress)
        except BaseException:
            os.killpg(started.pid, signal.SIGKILL)
            raise


def _awaited(started: "subprocess.Popen[str]", timeout: float, progress: Callable[[], object]) -> str:
    before = progress()
    while True:
        try:
            return started.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            if (now := progress()) == before:
                raise
            before = now


def prepare(folder: Path, modules: Sequence[str], job: Path) -> None:
    """What the guest runs first, and what its kernel loads modules with."""
    command = shlex.join([sys.executable, str(job), str(folder)])
    init = _INIT.format(path=Path(__file__).parents[3], folder=folder, modules=" ".join(modules), job=command)
    for name, text in (("init", init), ("modprobe", _MODPROBE.format(folder=folder))):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def check(folder: Path, console: str) -> None:
    """Raises: GuestError: the job failed, or did not run."""
    status = folder / "job.status"
    if not status.exists() or status.read_text().strip() != "0":
        raise GuestError(f"the job failed: {_tail(folder)}\n{console[-1000:]}")


def _tail(folder: Path) -> str:
    log = folder / "job.log"
    return log.read_text()[-3000:] if log.exists() else "no output"
