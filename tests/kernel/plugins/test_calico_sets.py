"""natOutgoing: a pool that is missing in the set that Felix's rule asks."""

from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import check_lab
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.flows import standard_flows
from kubectl_skoop.testing.probes import run_flows

pytestmark = pytest.mark.kernel
FLUSHED = Fault(
    id="no pool is translated",
    steps=("n1: ipset flush cali40masq-ipam-pools",),
    codes=(),
    works="nodes of the lab have routes back to the pods",
    only=("pod/default/a to node/n2", "pod/default/a to pod/default/b:8080"),
)


def test_the_other_node_sees_the_pod_itself_and_check_says_why(tmp_path: Path) -> None:
    with ClusterLab("calico") as lab:
        twin = run_flows(lab, standard_flows(lab.topology, lab.mode))
        lab.namespace("n1").run("ipset", "flush", "cali40masq-ipam-pools")
        assert [str(one) for one in check_lab(lab, tmp_path, FLUSHED, twin)] == []
        broken = run_flows(lab, FLUSHED.flows(standard_flows(lab.topology, lab.mode)))
    seen = {(flow.destination, twin[flow].seen_source, broken[flow].seen_source) for flow in broken}
    assert ("node/n2", "10.0.0.1", "10.244.1.2") in seen
    with closing(open_snapshot(tmp_path / "lab.skoop")) as source:
        (found,) = check(source, Options()).suspicions
    assert (found.code, str(found.where.place)) == ("calico.set.missing", "node/n1")
    assert found.remedy == "ipset add cali40masq-ipam-pools 10.244.0.0/16"
