"""Pods with addresses of the nodes' own network, where nobody asked the cloud which interface has them."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.aws_vpc_cni import AwsLab, NativeMarksLab, native_marks
from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.comparing import check_lab, take_snapshot
from kubectl_skoop.testing.terway import EniIpLab

pytestmark = pytest.mark.kernel


class Unasked(AwsLab):
    def infra(self) -> tuple[str, Mapping[str, object]] | None:
        return None


class UnknownCloud(Unasked):
    def provider_id(self, node: str) -> str:
        return ""


COMMENT, MARK = "-m comment --comment", "--nfmask 0x80 --ctmask 0x80"
FLUSHED = {
    "nothing is translated": (
        f"-t nat -D POSTROUTING {COMMENT} 'AWS SNAT CHAIN' -j AWS-SNAT-CHAIN-0",
        "-A POSTROUTING -j AWS-SNAT-CHAIN-0",
    ),
    "the chain translates nothing": (
        "-t nat -D AWS-SNAT-CHAIN-0 2",
        "-A AWS-SNAT-CHAIN-0 ! -o vlan+ -m addrtype ! --dst-type LOCAL -j SNAT --to-source 10.244.1.10",
    ),
    "nothing that leaves is marked": (
        "-t nat -F AWS-CONNMARK-CHAIN-0",
        "-A AWS-CONNMARK-CHAIN-0 -j CONNMARK",
    ),
    "marks are not given back": (
        f"-t nat -D PREROUTING {COMMENT} 'AWS, CONNMARK' -j CONNMARK --restore-mark {MARK}",
        "-A PREROUTING -j CONNMARK --restore-mark",
    ),
}


def found_by_check(lab: AwsLab, folder: Path) -> list[str]:
    with closing(open_snapshot(take_snapshot(lab, folder))) as source:
        return [f"{one.where.place} {one.code}: {one.message}" for one in check(source, Options()).suspicions]


@pytest.mark.parametrize(("rule", "named"), FLUSHED.values(), ids=FLUSHED)
def test_what_leaves_the_vpc_wants_rules_that_other_nodes_have(rule: str, named: str, tmp_path: Path) -> None:
    """The lab has no outside, so no packet shows it."""
    with AwsLab() as lab:
        run_steps(lab, [f"n1: iptables {rule}"])
        found = found_by_check(lab, tmp_path)
    assert all(one.startswith("node/n1 aws-vpc-cni.iptables.missing: ") for one in found), found
    assert any(named in one for one in found), found


NATIVE = {
    "pods' packets are not marked": ("flush chain ip aws-cni snat-mark", "ct mark set ct mark | 0x00000080"),
    "no pod's packet comes to the marks": (
        "flush chain ip aws-cni nat-prerouting",
        'iifname "eni*" jump snat-mark',
    ),
    "marks are not given back": (
        "flush chain ip aws-cni nat-prerouting; "
        'add rule ip aws-cni nat-prerouting iifname "eni*" jump snat-mark',
        "meta mark set ct mark & 0x00000080",
    ),
    "what stays in the VPC is marked": (
        "flush chain ip aws-cni snat-mark; add rule ip aws-cni snat-mark ct mark set ct mark or 0x80",
        "ip daddr 10.244.0.0/16 return",
    ),
}


def test_marks_in_a_table_of_nft_are_right(tmp_path: Path) -> None:
    with NativeMarksLab() as lab:
        assert [str(one) for one in check_lab(lab, tmp_path, None, None)] == []
        assert found_by_check(lab, tmp_path) == []


@pytest.mark.parametrize(("commands", "named"), NATIVE.values(), ids=NATIVE)
def test_each_rule_of_the_table_is_wanted(commands: str, named: str, tmp_path: Path) -> None:
    with NativeMarksLab() as lab:
        lab.namespace("n1").run("nft", "-f", "-", text=commands.replace("; ", "\n") + "\n")
        found = found_by_check(lab, tmp_path)
    assert any(one.startswith("node/n1 aws-vpc-cni.nft.missing: ") and named in one for one in found), found
    assert not any("aws-vpc-cni.iptables" in one for one in found), found


def test_while_nodes_are_moved_to_nft_each_has_its_own_rules(tmp_path: Path) -> None:
    with AwsLab() as lab:
        inside = lab.namespace("n1")
        for rule in (
            f"-D PREROUTING -i eni+ {COMMENT} 'AWS, outbound connections' -j AWS-CONNMARK-CHAIN-0",
            f"-D PREROUTING {COMMENT} 'AWS, CONNMARK' -j CONNMARK --restore-mark {MARK}",
            "-F AWS-CONNMARK-CHAIN-0",
            "-X AWS-CONNMARK-CHAIN-0",
        ):
            run_steps(lab, [f"n1: iptables -t nat {rule}"])
        inside.run("nft", "-f", "-", text=native_marks(lab.networks))
        assert found_by_check(lab, tmp_path) == []


def test_without_translation_on_any_node_none_is_wanted(tmp_path: Path) -> None:
    """As with AWS_VPC_K8S_CNI_EXTERNALSNAT."""
    with AwsLab() as lab:
        run_steps(lab, [f"{node.name}: iptables -t nat -F" for node in lab.topology.nodes])
        found = found_by_check(lab, tmp_path)
    assert not [one for one in found if "aws-vpc-cni" in one]


class UnaskedTerway(EniIpLab):
    def infra(self) -> tuple[str, Mapping[str, object]] | None:
        return None


@pytest.mark.parametrize("lab", [Unasked, UnknownCloud, UnaskedTerway])
def test_the_nodes_network_is_taken_to_know_pods(
    lab: type[Unasked] | type[UnaskedTerway], tmp_path: Path
) -> None:
    with lab() as built:
        assert [str(one) for one in check_lab(built, tmp_path, None, None)] == []


def asked(lab: UnknownCloud, folder: Path, destination: str) -> Diagnosis:
    """From a pod to an address outside; nothing is sent: the lab has no outside."""
    request = Request(source="pod/default/a", destination=destination, port="443", protocol="tcp")
    with closing(open_snapshot(take_snapshot(lab, folder))) as source:
        return diagnose(source, request, Options())


@pytest.mark.parametrize("destination", ["192.0.2.80", "10.9.0.1"])
def test_what_leaves_the_vpc_is_translated_by_the_node(destination: str, tmp_path: Path) -> None:
    with UnknownCloud() as lab:
        assert asked(lab, tmp_path, destination).verdict == "reachable"


@pytest.mark.parametrize(
    ("destination", "verdict", "text"),
    [("192.0.2.80", "unknown", "NAT gateway"), ("10.9.0.1", "reachable", "")],
)
def test_without_translation_it_hangs_on_the_vpc(
    destination: str, verdict: str, text: str, tmp_path: Path
) -> None:
    with UnknownCloud() as lab:
        for node in lab.topology.nodes:
            lab.namespace(node.name).run(lab.backend, "-t", "nat", "-F", "AWS-SNAT-CHAIN-0")
        told = asked(lab, tmp_path, destination)
    assert told.verdict == verdict
    assert text in told.headline
