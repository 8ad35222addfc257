"""The switch between nodes of two subnets stands for a transit gateway: real packets judge `aws`."""

from collections.abc import Callable, Mapping

import pytest

from kubectl_skoop.testing.calico_subnets import CalicoSubnets
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.plugin import CompareLab
from tests.providers.aws.transit import FAR, FAR_ATTACHMENT, association, transit, transit_routes
from tests.providers.aws.vpc import Answers, section

pytestmark = pytest.mark.kernel


class TransitLab(CalicoSubnets):
    """Each node in a VPC of its own, pods in a tunnel."""

    change: Callable[[Answers], object] = staticmethod(bool)

    def __init__(self) -> None:
        super().__init__(tunnel="vxlan")

    def objects(self) -> list[Object]:
        made = super().objects()
        for item in made:
            if item["kind"] == "Node":
                item["spec"]["providerID"] = f"aws:///eu-west-1a/i-{item['metadata']['name']}"
        return made

    def infra(self) -> tuple[str, Mapping[str, object]]:
        found = transit()
        del found["NetworkInterfaces"][2]
        for node, one in zip(self.topology.nodes, found["NetworkInterfaces"], strict=True):
            one["MacAddress"] = node.mac
        self.change(found)
        return "aws", section(found)


class NoRoute(TransitLab):
    change = staticmethod(lambda found: transit_routes(found).pop())


class NoWayBack(TransitLab):
    """The far attachment's table is another one, and has no route."""

    @staticmethod
    def change(found: Answers) -> None:
        found["TransitGatewayAttachments"][1] = association(FAR_ATTACHMENT, FAR, "tgw-rtb-2")
        found["TransitGatewayRoutes"].append({"TransitGatewayRouteTableId": "tgw-rtb-2", "Routes": []})


class NoReferences(TransitLab):
    change = staticmethod(lambda found: found["SecurityGroups"][0]["IpPermissions"].pop())


TO_THE_FIRST, TO_THE_SECOND = (
    (f"switch: iptables -A FORWARD -d 10.0.{number}.0/24 -j DROP",) for number in (1, 2)
)
NEW_CONNECTIONS = (
    "switch: iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "switch: iptables -A FORWARD -p tcp --dport 30000:32767 -j ACCEPT",
    "switch: iptables -A FORWARD -j DROP",
)
"""Of both nodes the groups let in node ports only, as those of the other VPC do not count."""


def test_a_healthy_one_is_silent(compare_lab: CompareLab) -> None:
    assert compare_lab(TransitLab) == []


FAULTS = {
    "no route": (NoRoute, TO_THE_SECOND, "aws.transit-gateway.no-route"),
    "no way back": (NoWayBack, TO_THE_FIRST, "aws.transit-gateway.no-route"),
    "no references": (NoReferences, NEW_CONNECTIONS, "aws.security-group.ingress"),
}


@pytest.mark.parametrize(("lab", "steps", "code"), FAULTS.values(), ids=FAULTS)
def test_what_stops_packets_is_named(
    compare_lab: CompareLab, lab: type[TransitLab], steps: tuple[str, ...], code: str
) -> None:
    fault = Fault(id=code.rpartition(".")[2], steps=steps, codes=(code,), places=("node/n1", "node/n2"))
    assert compare_lab(lab, fault) == []
