"""Applying a fault's steps to a lab."""

import re
import shlex
import socket
from collections.abc import Iterable, Iterator, Mapping

from kubectl_skoop.testing import calico, kube_proxy
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.faults import Fault, FaultError
from kubectl_skoop.testing.flows import standard_flows
from kubectl_skoop.testing.netns import entered
from kubectl_skoop.testing.probes import run_flows
from kubectl_skoop.testing.topology import (
    BACKENDS,
    BY_FELIX,
    CALICO_MODES,
    IPIP,
    ON_BRIDGE,
    OWN_NIC_MODES,
    TUNNELS,
    VNI,
    VPC_MODES,
    LabNode,
)

_PLACEHOLDER = re.compile(r"\{([a-z0-9.-]+)\}")


def apply(lab: ClusterLab, fault: Fault) -> None:
    """Break the lab. Raises: LabError (a command failed), FaultError (a step that cannot be read)."""
    run_steps(lab, fault.steps)


def run_steps(lab: ClusterLab, steps: Iterable[str]) -> None:
    """Raises: LabError, FaultError."""
    values = placeholders(lab)
    for step in steps:
        place, _, command = fill(step, values).partition(": ")
        words = shlex.split(command)
        if (place, words) == ("lab", ["warm"]):
            run_flows(lab, standard_flows(lab.topology, lab.mode))
        elif place not in lab.namespaces:
            raise FaultError(f"no such place: {step}")
        else:
            _run(lab, place, words)


def _run(lab: ClusterLab, place: str, words: list[str]) -> None:
    namespace = lab.namespace(place)
    match words:
        case ["sysctl", setting]:
            name, _, value = setting.partition("=")
            namespace.set_sysctls({name: value})
        case ["listen", ("tcp" | "udp") as protocol, target]:
            address, _, port = target.partition(":")
            lab.listeners.open(namespace, place, protocol, int(port), address=address)
        case ["shut", protocol, port]:
            lab.listeners.shut(place, protocol, int(port))
        case ["fill", "tcp", port]:
            _fill(lab, place, int(port))
        case ["iptables", *rest]:
            namespace.run(lab.backend, *rest)
        case ["other-iptables", *rest]:
            other = next(backend for backend in BACKENDS if backend != lab.backend)
            namespace.run(other, *rest)
        case _:
            namespace.run(*words)


def _fill(lab: ClusterLab, place: str, port: int) -> None:
    """A listener with a queue of one, which a connection from the pod itself fills."""
    lab.listeners.shut(place, "tcp", port)
    lab.listeners.open(lab.namespace(place), place, "tcp", port, backlog=0, accepts=False)
    with entered(lab.namespace(place).path):
        waiting = socket.create_connection(("127.0.0.1", port), timeout=1)
    lab.listeners.hold(waiting)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put the values in; a brace that is no placeholder stays."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            raise FaultError(f"no placeholder {{{name}}}: {text}")
        return values[name]

    return _PLACEHOLDER.sub(value, text)


def placeholders(lab: ClusterLab) -> dict[str, str]:
    """What a step may say of the lab.

    - `{a}` a pod's address, `{mac.a}` its MAC, `{gw.a}` its gateway
    - `{nobody.a}` an address of its node's range that nobody has
    - `{dev.a}` the host's end of its device, `{in.a}` the device that its packets come in by on the node
    - `{range.n1}` a node's pod range, `{to.n1}` the next hop to it, `{nowhere.n1}` one that does not exist
    - `{bridge}` the bridge of the pods, where there is one
    - `{vtep.n1}` the address of a node's tunnel device
    - `{uplink}` the device to the other nodes' pods, `{conf.uplink}` the same in a sysctl's name
    - `{eni.table}` the table of a node's second interface, `{eni.from}` the priority of the rules that lead
      there, `{router.n1}` the router of a node's subnet, `{node.n1}` its address, where pods have addresses
      of interfaces
    - `{svc.web}`, `{chain.web}`, `{sep.web}`, `{sep.pair.b2}` a service's address and chains
    """
    return dict(_values(lab))


def _values(lab: ClusterLab) -> Iterator[tuple[str, str]]:
    uplink = {**TUNNELS, **IPIP}.get(lab.mode, "eth0")
    yield "uplink", uplink
    yield "conf.uplink", uplink.replace(".", "/")
    if lab.mode in ON_BRIDGE:
        yield "bridge", ON_BRIDGE[lab.mode]
    in_blocks = lab.mode in CALICO_MODES
    yield from lab.values().items()
    for node in lab.topology.nodes:
        yield f"vtep.{node.name}", _vtep(lab, node)
        yield (
            f"range.{node.name}",
            str(node.block if in_blocks else node.pod_cidr),
        )
        yield f"to.{node.name}", _next_hop(lab, node)
        yield f"nowhere.{node.name}", _next_hop(lab, LabNode(99))
    for pod in lab.topology.pods:
        device = lab.host_device(pod)
        yield pod.name, pod.address
        yield f"mac.{pod.name}", pod.mac
        yield f"dev.{pod.name}", device
        yield f"in.{pod.name}", ON_BRIDGE.get(lab.mode, device)
        yield f"nobody.{pod.name}", f"10.244.{pod.node.number}.99"
        yield (
            f"gw.{pod.name}",
            calico.GATEWAY
            if lab.mode in (*BY_FELIX, *VPC_MODES, *OWN_NIC_MODES)
            else pod.node.bridge_address,
        )
    for service in lab.topology.services:
        yield f"svc.{service.name}", service.address
        if service.backends:
            yield f"chain.{service.name}", kube_proxy.service_chain(service)
            yield f"sep.{service.name}", kube_proxy.endpoint_chain(service, service.backends[0])
        for backend in service.backends:
            yield f"sep.{service.name}.{backend.pod}", kube_proxy.endpoint_chain(service, backend)


def _vtep(lab: ClusterLab, node: LabNode) -> str:
    return node.tunnel_address if lab.mode == "calico-vxlan" else str(node.pod_cidr.network_address)


def _next_hop(lab: ClusterLab, node: LabNode) -> str:
    match lab.mode:
        case "flannel-vxlan" | "canal":
            return f"via {node.pod_cidr.network_address} dev flannel.{VNI} onlink"
        case "calico-vxlan":
            return f"via {node.tunnel_address} dev {TUNNELS[lab.mode]} onlink"
        case "flannel-ipip":
            return f"via {node.address} dev {IPIP[lab.mode]} onlink"
        case "calico-ipip":
            return f"via {node.address} dev tunl0 onlink proto bird"
        case "calico":
            return f"via {node.address} dev eth0 proto bird"
        case "kube-router":
            return f"via {node.address} dev eth0 proto 17"
        case _:
            return f"via {node.address} dev eth0"
