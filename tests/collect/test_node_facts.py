"""Which iptables a node has, by the links of its file system."""

from pathlib import Path

import pytest

from kubectl_skoop.collect.features import Kernel
from kubectl_skoop.collect.node_facts import iptables_backend, read_facts

DEBIAN = {
    "usr/sbin/iptables": "/etc/alternatives/iptables",
    "etc/alternatives/iptables": "/usr/sbin/iptables-nft",
}
TREES = {
    "Debian, nft": ({**DEBIAN, "usr/sbin/iptables-nft": "xtables-nft-multi"}, "nf_tables"),
    "Debian, legacy": (
        {**DEBIAN, "etc/alternatives/iptables": "/usr/sbin/iptables-legacy", "usr/sbin/iptables-legacy": "x"},
        "legacy",
    ),
    "before 1.8": ({"sbin/iptables": "xtables-multi"}, "legacy"),
    "a relative way up": ({"usr/sbin/iptables": "../../opt/bin/xtables-nft-multi"}, "nf_tables"),
    "more ups than folders": ({"usr/sbin/iptables": "../../../../opt/bin/xtables-nft-multi"}, "nf_tables"),
    "a wrapper": ({"usr/sbin/iptables": "iptables-wrapper"}, ""),
    "NixOS": (
        {"run/current-system/sw/bin/iptables": "/nix/store/1-iptables/bin/xtables-nft-multi"},
        "nf_tables",
    ),
    "a ring": ({"usr/sbin/iptables": "iptables"}, ""),
    "a link to nothing": ({"usr/sbin/iptables": "gone", "sbin/iptables": "xtables-nft-multi"}, "nf_tables"),
    "none": ({}, ""),
}


@pytest.mark.parametrize(("links", "wanted"), TREES.values(), ids=TREES)
def test_what_the_name_leads_to(links: dict[str, str], wanted: str, tmp_path: Path) -> None:
    for name, target in links.items():
        link = tmp_path / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    for end in ("usr/sbin", "sbin", "opt/bin", "nix/store/1-iptables/bin"):
        (tmp_path / end).mkdir(parents=True, exist_ok=True)
        for program in ("xtables-nft-multi", "xtables-multi", "iptables-wrapper", "x"):
            (tmp_path / end / program).touch()
    assert iptables_backend(tmp_path) == wanted


def test_nothing_outside_of_the_nodes_root_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/xtables-nft-multi").touch()
    (tmp_path / "root/usr/sbin").mkdir(parents=True)
    (tmp_path / "root/usr/sbin/iptables").symlink_to(tmp_path / "outside/xtables-nft-multi")
    assert iptables_backend(tmp_path / "root") == ""


def test_facts_of_this_machine(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    (proc / "sys/kernel/random").mkdir(parents=True)
    (proc / "sys/kernel/random/boot_id").write_text("b3c5\n")
    (proc / "modules").write_text("veth 1 0 - Live 0\nbridge 2 0 - Live 0\n")
    facts = read_facts(Kernel(proc=proc), tmp_path)
    assert (facts.boot_id, facts.modules, facts.iptables) == ("b3c5", ("bridge", "veth"), "")
    assert read_facts(Kernel(proc=tmp_path), tmp_path).boot_id == ""
