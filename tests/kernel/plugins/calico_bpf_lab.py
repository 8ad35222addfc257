"""Nodes as Felix leaves them in eBPF mode; in place of its programs are ones that let every packet pass.

So the kernel does the rest: routes of BGP lead between nodes. Nobody serves services, unless kube-proxy was
left running.
"""

from kubectl_skoop.testing import calico
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import LabNode
from tests.kernel.plugins.programmed import ProgrammedLab
from tests.kernel.plugins.programs import Programs

INSIDE, OUTSIDE = "bpfin.cali", "bpfout.cali"


class CalicoBpfLab(ProgrammedLab):
    def __init__(self, *, kube_proxy: bool = False) -> None:
        super().__init__("calico")
        self.kube_proxy = kube_proxy
        self._programs = Programs()

    def close(self) -> None:
        self._programs.close()
        super().close()

    def detach(self, node: str, device: str) -> None:
        """What comes in by the device."""
        self._programs.detach(self.namespace(node), device)

    def objects(self) -> list[Object]:
        felix: Object = {
            "apiVersion": "crd.projectcalico.org/v1",
            "kind": "FelixConfiguration",
            "metadata": {"name": "default"},
            "spec": {"bpfEnabled": True, "bpfKubeProxyIptablesCleanupEnabled": not self.kube_proxy},
        }
        return [*super().objects(), felix]

    def cni_links(self, node: LabNode) -> list[str]:
        mac = f"0e:00:00:00:0b:{node.number:02x}"
        return [
            *super().cni_links(node),
            f"link add {INSIDE} type veth peer name {OUTSIDE} address {mac}",
            f"link set {INSIDE} up",
            f"link set {OUTSIDE} up",
            f"route add {calico.GATEWAY}/32 dev {INSIDE} scope link",
            f"neigh replace {calico.GATEWAY} lladdr {mac} dev {INSIDE} nud permanent",
        ]

    def finish_nodes(self) -> None:
        for node in self.topology.nodes:
            namespace = self.namespace(node.name)
            pods = [self.host_device(pod) for pod in self.topology.pods_of(node)]
            namespace.set_sysctls(calico.node_sysctls(self.topology, node))
            off = ["all", INSIDE.replace(".", "/"), OUTSIDE.replace(".", "/"), *pods]
            namespace.set_sysctls({f"net.ipv4.conf.{name}.rp_filter": 0 for name in off})
            for device in (*pods, "eth0", INSIDE, OUTSIDE):
                self._programs.attach(namespace, device)

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        return proxy.text() if self.kube_proxy else Ruleset(chains={}, rules={"filter": ()}).text()
