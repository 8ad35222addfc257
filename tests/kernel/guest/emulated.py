"""A guest kernel in an emulated machine (QEMU without KVM): Debian's cloud kernel has WireGuard.

It sees this machine's files through virtiofs; a small first file system in memory mounts them and goes there.
"""

import gzip
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.kernel.guest.machine import GuestError, check, prepare, run_group

ROOT = Path(os.environ.get("SKOOP_GUEST_KERNEL", "/"))
"""Where the package linux-image-…-cloud-amd64 is installed or unpacked."""
VIRTIOFSD = Path("/usr/lib/qemu/virtiofsd")
BUSYBOX = Path("/usr/bin/busybox")
QEMU = "qemu-system-x86_64"
SLOWER = 3
"""How many times longer than on its host it is waited for what may still come."""
MEMORY = "768M"
TIMEOUT = 3600
"""Seconds for the boot and the job."""
_EARLY = ("virtio_pci", "virtiofs")
_FIRST_INIT = """#!/busybox sh
/busybox mkdir -p /host
for module in {modules}; do /busybox insmod /$module; done
/busybox mount -t virtiofs host /host
exec /busybox chroot /host {folder}/init
"""


def why_no_guest() -> str:
    """Why no guest can run here; empty if one can."""
    if os.geteuid() != 0:
        return "the guest needs root (it works on this machine's files as their owner)"
    if not list(_kernels()):
        return f"the guest needs Debian's package linux-image-cloud-amd64 in {ROOT} (SKOOP_GUEST_KERNEL)"
    missing = [tool for tool in (QEMU, VIRTIOFSD, BUSYBOX, "depmod", "wg") if shutil.which(tool) is None]
    if missing:
        return f"the guest needs {', '.join(map(str, missing))}"
    if _dynamic(BUSYBOX):
        return f"the guest needs Debian's package busybox-static: {BUSYBOX} wants libraries"
    return ""


def _dynamic(program: Path) -> bool:
    """Whether it needs a loader, which the guest's first file system lacks (elf(5), PT_INTERP)."""
    return b"/ld-linux" in program.read_bytes()[:4096]


def run(job: Path, folder: Path, modules: Sequence[str]) -> None:
    """Boot, load the modules, run `python job folder`, power off.

    Raises:
        GuestError: it did not end in time, or the job failed.
    """
    kernel = max(_kernels())
    release = kernel.name.removeprefix("vmlinuz-")
    early = _prepare(folder, release)
    prepare(folder, modules, job)
    names = " ".join(module.name for module in early)
    files = {
        "init": _FIRST_INIT.format(modules=names, folder=folder).encode(),
        "busybox": BUSYBOX.read_bytes(),
    }
    files |= {module.name: module.read_bytes() for module in early}
    (folder / "initramfs").write_bytes(gzip.compress(_archive(files), 1))
    with _files(folder / "files.socket"):
        booted = _boot(kernel, folder)
    check(folder, booted)


def _kernels() -> Iterator[Path]:
    return (ROOT / "boot").glob("vmlinuz-*cloud-amd64")


def _prepare(folder: Path, release: str) -> list[Path]:
    """The modules where modprobe looks for them, and those that must be there before any file is."""
    modules = ROOT / "lib/modules" / release
    if not (modules / "modules.dep").exists():
        subprocess.run(["depmod", "-b", str(ROOT), release], check=True)
    link = folder / "root/lib/modules" / release
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(modules)
    asked = ["modprobe", "-d", str(folder / "root"), "-S", release, "--show-depends", "-a", *_EARLY]
    told = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in told.splitlines()]
    return list(dict.fromkeys(Path(words[1]) for words in lines if words[0] == "insmod"))


def _archive(files: dict[str, bytes]) -> bytes:
    """In the form `newc` of cpio (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    parts = []
    for number, (name, data) in enumerate([*files.items(), ("TRAILER!!!", b"")], 1):
        mode = stat.S_IFREG | 0o755
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % value for value in fields) + name.encode() + b"\0"
        parts += [head + b"\0" * (-len(head) % 4), data + b"\0" * (-len(data) % 4)]
    return b"".join(parts)


@contextmanager
def _files(socket: Path) -> Iterator[None]:
    """What gives this machine's files to the guest; it ends with the guest."""
    options = "source=/,cache=always,sandbox=chroot"
    command = [str(VIRTIOFSD), f"--socket-path={socket}", "-o", options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                if socket.exists():
                    break
                time.sleep(0.05)
            yield
        finally:
            server.terminate()


def _boot(kernel: Path, folder: Path) -> str:
    arguments = ["-m", MEMORY, "-smp", "2", "-cpu", "max", "-accel", "tcg", "-nographic", "-nodefaults"]
    arguments += ["-no-reboot", "-serial", "stdio", "-kernel", str(kernel)]
    arguments += ["-initrd", str(folder / "initramfs")]
    arguments += ["-append", "console=ttyS0 quiet panic=-1 no_timer_check rdinit=/init mitigations=off"]
    arguments += ["-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on"]
    arguments += [
        "-numa",
        "node,memdev=memory",
        "-chardev",
        f"socket,id=files,path={folder / 'files.socket'}",
    ]
    arguments += ["-device", "vhost-user-fs-pci,chardev=files,tag=host"]
    try:
        return run_group([QEMU, *arguments], TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise GuestError(f"the guest did not end within {TIMEOUT} s") from error
