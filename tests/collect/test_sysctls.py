import os
from pathlib import Path

import pytest

from kubectl_skoop.collect.sysctls import read_all, read_sysctls

LONG = ",".join(map(str, range(1, 1000, 2)))
FILES = {
    "ipv4/ip_forward": "1\n",
    "ipv4/conf/eth0.100/rp_filter": "2\n",
    "ipv4/tcp_rmem": "4096\t131072\t6291456\n",
    "ipv6/conf/all/stable_secret": "key\n",
    "ipv4/tcp_fastopen_key": "key\n",
    "unix/max_dgram_qlen": "10\n",
    "ipv4/ip_local_reserved_ports": f"{LONG}\n",
}


def test_keys_are_written_as_sysctl_does_and_secrets_left_out(tmp_path: Path) -> None:
    for name, value in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(value)
    found = read_sysctls(tmp_path)
    assert found.pop("kernel.osrelease") == os.uname().release
    assert found == {
        "net.ipv4.ip_forward": "1",
        "net.ipv4.conf.eth0/100.rp_filter": "2",
        "net.ipv4.tcp_rmem": "4096\t131072\t6291456",
        "net.ipv4.ip_local_reserved_ports": LONG,
    }


def test_no_sysctls_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_sysctls(tmp_path / "none")


def test_a_file_that_cannot_be_read_is_told_apart_from_one_that_is_not_there(tmp_path: Path) -> None:
    """/proc/self/mem gives EIO at its start, as a broken driver does; a link to nothing: it went away."""
    folder = tmp_path / "ipv4"
    folder.mkdir()
    (folder / "tcp_ecn").symlink_to("/proc/self/mem")
    (folder / "ip_forward").symlink_to(tmp_path / "gone")
    assert read_all(tmp_path) == (
        {"kernel.osrelease": os.uname().release},
        {"net.ipv4.tcp_ecn": "Input/output error"},
    )
