"""A server that answers as ECS, VPC, SLB and NLB do: with a VPC made by hand, one item on a page."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from kubectl_skoop.providers.aliyun.answers import part
from kubectl_skoop.providers.documents import documents as read_documents
from tests.providers.aliyun.vpc import Answers, documents

Asked = Mapping[str, str]


class List(NamedTuple):
    """An operation that answers with a list."""

    kind: str
    path: tuple[str, ...]
    by: Mapping[str, str] = {}
    """Parameters that choose, and the fields that they are compared with."""


_OF_VPC = {"VpcId": "VpcId"}
LISTS = {
    "DescribeInstances": List("Instances", ("Instances", "Instance")),
    "DescribeNetworkInterfaces": List(
        "NetworkInterfaces", ("NetworkInterfaceSets", "NetworkInterfaceSet"), _OF_VPC
    ),
    "DescribeSecurityGroups": List("SecurityGroups", ("SecurityGroups", "SecurityGroup"), _OF_VPC),
    "DescribeVpcs": List("Vpcs", ("Vpcs", "Vpc"), _OF_VPC),
    "DescribeVSwitches": List("VSwitches", ("VSwitches", "VSwitch"), _OF_VPC),
    "DescribeNatGateways": List("NatGateways", ("NatGateways", "NatGateway"), _OF_VPC),
    "DescribeNetworkAcls": List("NetworkAcls", ("NetworkAcls", "NetworkAcl"), _OF_VPC),
    "ListIpv4Gateways": List("Ipv4Gateways", ("Ipv4GatewayModels",), _OF_VPC),
    "DescribeEipAddresses": List("EipAddresses", ("EipAddresses", "EipAddress")),
    "DescribeRouteEntryList": List(
        "RouteEntries", ("RouteEntrys", "RouteEntry"), {"RouteTableId": "RouteTableId"}
    ),
    "DescribeSnatTableEntries": List(
        "SnatTableEntries", ("SnatTableEntries", "SnatTableEntry"), {"SnatTableId": "SnatTableId"}
    ),
    "DescribeLoadBalancers": List("LoadBalancers", ("LoadBalancers", "LoadBalancer")),
    "DescribeLoadBalancerListeners": List(
        "Listeners", ("Listeners",), {"LoadBalancerId.1": "LoadBalancerId"}
    ),
    "ListLoadBalancers": List("NetworkBalancers", ("LoadBalancers",)),
    "ListListeners": List("NetworkListeners", ("Listeners",), {"LoadBalancerIds.1": "LoadBalancerId"}),
    "ListServerGroups": List("ServerGroups", ("ServerGroups",)),
    "ListServerGroupServers": List("Servers", ("Servers",), {"ServerGroupId": "ServerGroupId"}),
}
SINGLE = {
    "DescribeSecurityGroupAttribute": ("SecurityGroupRules", "SecurityGroupId"),
    "DescribePrefixListAttributes": ("PrefixLists", "PrefixListId"),
    "DescribeNetworkAclAttributes": ("NetworkAcls", "NetworkAclId"),
    "DescribeLoadBalancerAttribute": ("DefaultServers", "LoadBalancerId"),
    "DescribeHealthStatus": ("HealthStatus", "LoadBalancerId"),
    "DescribeVServerGroupAttribute": ("VServerGroups", "VServerGroupId"),
    "DescribeAccessControlListAttribute": ("AccessControlLists", "AclId"),
    "GetListenerHealthStatus": ("NetworkHealthStatus", "ListenerId"),
}
"""Operations about one thing: its kind, and the parameter that names it."""


class Refusal(Exception):
    """Its code."""


class StandIn:
    """What it was asked is kept."""

    def __init__(self, found: Answers) -> None:
        self.items: dict[str, list[dict[str, Any]]] = {}
        for answer in read_documents(documents(found).encode()):
            assert isinstance(answer, Mapping)
            told = part(answer)
            assert told is not None
            self.items.setdefault(told.kind, []).extend(dict(one) for one in told.items)
        self.heard: list[str] = []
        """Operations, in their order."""
        self.texts: list[str] = []
        """Everything that came, headers too."""
        self.refused: set[str] = set()
        """Operations that the key may not ask."""
        self.address = ""

    def answer(self, operation: str, asked: Asked) -> dict[str, Any]:
        if operation in self.refused:
            raise Refusal("Forbidden.RAM")
        if operation in LISTS:
            return self._list(LISTS[operation], asked)
        kind, name = SINGLE[operation]
        found = next((one for one in self.items.get(kind, ()) if one[name] == asked[name]), None)
        if kind == "DefaultServers":
            return found or {name: asked[name], "LoadBalancerStatus": "active", "BackendServers": {}}
        if found is None:
            raise Refusal("InvalidParameter.NotFound")
        match kind:
            case "SecurityGroupRules":
                page, more = _page(found["Permissions"]["Permission"], asked)
                return {**found, "Permissions": {"Permission": page}, **more}
            case "AccessControlLists":
                every, size = found["AclEntrys"]["AclEntry"], int(asked["PageSize"])
                begin = (int(asked["Page"]) - 1) * size
                return {**found, "AclEntrys": {"AclEntry": every[begin : begin + size]}}
            case "NetworkAcls":
                return {"NetworkAclAttribute": found}
            case "NetworkHealthStatus":
                return {"ListenerHealthStatus": [found]}
            case "HealthStatus":
                return {"BackendServers": found["BackendServers"]}
        return found

    def _list(self, how: List, asked: Asked) -> dict[str, Any]:
        found = [
            one
            for one in self.items.get(how.kind, ())
            if all(field not in one or one[field] == asked[name] for name, field in how.by.items())
        ]
        if "InstanceIds" in asked:
            found = [one for one in found if one["InstanceId"] in json.loads(asked["InstanceIds"])]
        page, more = _page(found, asked)
        made: dict[str, Any] = {how.path[-1]: page}
        return {**(made if len(how.path) == 1 else {how.path[0]: made}), **more}


def _page(items: list[Any], asked: Asked) -> tuple[list[Any], dict[str, Any]]:
    """By its number, or by the token that the one before had."""
    if "PageNumber" in asked:
        at = int(asked["PageNumber"]) - 1
        return items[at : at + 1], {"TotalCount": len(items), "PageNumber": at + 1, "PageSize": 1}
    at = int(asked.get("NextToken", "0"))
    token = {"NextToken": str(at + 1)} if at + 1 < len(items) else {}
    return items[at : at + 1], {"TotalCount": len(items), **token}


@contextmanager
def standing_in(found: Answers) -> Iterator[StandIn]:
    """At `address`, until the block ends."""
    stand_in = StandIn(found)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            asked = dict(parse_qsl(urlsplit(self.path).query)) | dict(parse_qsl(body))
            operation = self.headers["x-acs-action"]
            stand_in.heard.append(operation)
            stand_in.texts.append(f"{self.path}\n{self.headers}\n{body}")
            try:
                self._send(200, stand_in.answer(operation, asked))
            except Refusal as refusal:
                signed = self.headers["Authorization"]
                self._send(403, {"Code": str(refusal), "Message": f"signed with {signed}"})

        def _send(self, status: int, answer: Mapping[str, Any]) -> None:
            written = json.dumps({**answer, "RequestId": "1"}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stand_in.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
