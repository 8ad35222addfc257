"""What `--infra` is given: documents of a cloud's command line; and packets that cross that cloud."""

import json
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from kubectl_skoop.api import InfraFile, InfraShim, InputError, NodeInfo, Packet
from kubectl_skoop.model.packet import TcpFlags
from kubectl_skoop.providers.aliyun import answers as aliyun_answers
from kubectl_skoop.providers.aliyun.shim import shim as aliyun_shim
from kubectl_skoop.providers.aws import answers as aws_answers
from kubectl_skoop.providers.aws.shim import shim as aws_shim
from kubectl_skoop.snapshot.format import pack
from tests.fuzzing.codec import JSON
from tests.fuzzing.target import Target
from tests.providers.aliyun import vpc as aliyun_vpc
from tests.providers.aws import vpc as aws_vpc
from tests.providers.aws.test_balancers import balanced

NEW, CLIENT = aws_vpc.NEW, "203.0.113.7"
FIRST, SECOND = "10.0.1.10", "10.0.2.10"


def run(data: bytes) -> None:
    """`[cloud, document …]`. Raises: InputError; ValueError, which `diagnosis.walk.shim` tells as unknown."""
    value = JSON.read(data)
    if not isinstance(value, list) or not value:
        value = [len(data) % 2, data.decode("utf-8", "backslashreplace")]
    text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in value[1:])
    files = [InfraFile("vpc.json", text.encode("utf-8", "backslashreplace"))]
    if value[0] == 1:
        aws = aws_answers.read(files)
        _cross(aws_shim(lambda: aws), aws_vpc.node)
    else:
        aliyun = aliyun_answers.read(files)
        _cross(aliyun_shim(lambda: aliyun), aliyun_vpc.node)


def _cross(shim: InfraShim, node: Callable[[str], NodeInfo]) -> None:
    first, second = node("n1"), node("n2")
    inside, out, back = _packet(FIRST, SECOND), _packet(FIRST, CLIENT), _packet(CLIENT, FIRST)
    pack([str(one) for one in shim.node_to_node(first, "eth0", second, inside, NEW)])
    shim.node_to_external(first, "eth0", out, NEW)
    shim.external_to_node(first, back, NEW)
    shim.external_to_load_balancer(back)
    shim.balance(back)
    shim.addresses_of("lb.example")
    shim.interface_of(first, inside)
    shim.interface_of(None, inside)
    shim.load_balancer_to_node(ip_address(CLIENT), first, back, NEW)
    shim.node_to_load_balancer(first, "eth0", ip_address(CLIENT), out, NEW)


def _packet(src: str, dst: str) -> Packet:
    return Packet(
        src=ip_address(src),
        dst=ip_address(dst),
        protocol=6,
        sport=40000,
        dport=80,
        flags=TcpFlags.SYN,
        src_mac=aws_vpc.mac(src),
        dst_mac=aws_vpc.mac(dst),
    )


def seeds() -> Iterator[bytes]:
    for found in (aws_vpc.healthy(), balanced()):
        yield JSON.encode([1, found])
        for kind, items in found.items():
            yield JSON.encode([1, {kind: items}])
    documents = [json.loads(line) for line in aliyun_vpc.documents(aliyun_vpc.healthy()).splitlines()]
    yield JSON.encode([0, *documents])
    for document in documents:
        yield JSON.encode([0, document])


TARGET = Target(name="cloud", run=run, seeds=seeds, codec=JSON, refuses=(InputError, ValueError))
