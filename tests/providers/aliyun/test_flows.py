"""The provider as a user meets it: detected, fed with files, asked offline."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

import pytest

from kubectl_skoop.api import NotCollected
from kubectl_skoop.cluster.raw import Object, mapping, ref_of
from kubectl_skoop.snapshot.assemble import assemble
from kubectl_skoop.snapshot.source import open_snapshot
from tests.cli.run import Ran, skoop
from tests.providers.aliyun.balanced import CLASSIC, answers, balanced, listed
from tests.providers.aliyun.vpc import CLIENT, Answers, documents, hop, interface, rule

SNAPSHOT = Path(__file__).parents[3] / "snapshots" / "healthy-vxlan.skoop"
ADDRESSES = {"n1": "10.0.0.1", "n2": "10.0.0.2"}


def objects(
    provider_id: str = "cn-hangzhou.i-{}",
    ingress: Mapping[str, str] = MappingProxyType({"ip": CLASSIC}),
    snapshot: Path = SNAPSHOT,
) -> Mapping[str, Sequence[Object]]:
    """Of a snapshot; its nodes are instances of ECS."""
    found: dict[str, Sequence[Object]] = {}
    with closing(open_snapshot(snapshot)) as source:
        for kind in source.kinds():
            items = source.objects(kind)
            assert not isinstance(items, NotCollected)
            found[kind] = [_with_provider(item, provider_id, ingress) for item in items]
    return found


def _with_provider(item: Object, provider_id: str, ingress: Mapping[str, str]) -> Object:
    ref = ref_of(item)
    if (ref.kind, ref.name) == ("Service", "web"):
        status = {"loadBalancer": {"ingress": [dict(ingress)]}}
        return {**item, "spec": {**mapping(item, "spec"), "type": "LoadBalancer"}, "status": status}
    if ref.kind != "Node":
        return item
    return {**item, "spec": {**mapping(item, "spec"), "providerID": provider_id.format(ref.name)}}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assembled(tmp_path_factory.mktemp("aliyun"))


def assembled(
    folder: Path,
    ingress: Mapping[str, str] = MappingProxyType({"ip": CLASSIC}),
    snapshot: Path = SNAPSHOT,
) -> Path:
    """Without anything of the cloud. `ingress`: what the status of the service web has."""
    path = folder / "s"
    assemble([snapshot], objects(ingress=ingress, snapshot=snapshot), path, time=1.0)
    return path


def vpc(change: Callable[[Answers], object] = bool) -> Answers:
    """Both nodes in one vSwitch, the first with an elastic address; `change`: of the load balancers."""
    loaded = balanced()
    change(loaded)
    found = answers(loaded)
    for name, address in ADDRESSES.items():
        (one,) = (one for one in found["Instances"]["Instance"] if one["InstanceId"] == f"i-{name}")
        one["VpcAttributes"]["PrivateIpAddress"] = {"IpAddress": [address]}
        one["EipAddress"] = {"IpAddress": ""}
    made = []
    for number, (name, address) in enumerate(ADDRESSES.items(), 1):
        one = interface(number, address, "vsw-a", f"i-{name}")
        made.append({**one, "MacAddress": f"02:00:00:00:00:{number:02X}"})
    made[0]["AssociatedPublicIp"] = {"PublicIpAddress": "198.51.100.1"}
    found["NetworkInterfaceSets"] = {"NetworkInterfaceSet": made}
    found["RouteEntrys"]["RouteEntry"][0] = hop("10.0.0.0/16", "local")
    return found


def written(folder: Path, found: Answers) -> Path:
    path = folder / "vpc.json"
    path.write_text(documents(found))
    return path


def ask(snapshot: Path, source: str, destination: str, *more: str | Path) -> Ran:
    return skoop("diagnose", "-s", source, "-d", destination, "--snapshot", snapshot, "-p", "8080", *more)


def test_it_is_detected_by_the_nodes(snapshot: Path) -> None:
    ran = skoop("providers", "--detect", "--snapshot", snapshot)
    assert "aliyun" in ran.out
    assert "providerID of node n1" in ran.out


@pytest.mark.parametrize(
    ("provider_id", "detected"),
    [
        ("cn-hangzhou.i-{}", True),
        ("alicloud://ap-southeast-1.i-{}", True),
        ("aws:///cn-north-1a/i-{}", False),
        ("kind://docker/kind/{}", False),
        ("cn-hangzhou.eci-{}", False),
    ],
)
def test_only_its_own_nodes_are_meant(tmp_path: Path, provider_id: str, detected: bool) -> None:
    assemble([SNAPSHOT], objects(provider_id), tmp_path / "s", time=1.0)
    ran = skoop("providers", "--detect", "--snapshot", tmp_path / "s")
    assert ("aliyun" in ran.out and "providerID of node n1" in ran.out) is detected


WITHOUT_THE_CLOUD = 1


def test_without_anything_of_the_cloud_it_is_taken_to_carry_and_that_is_said(snapshot: Path) -> None:
    ran = ask(snapshot, "pod/default/a", "pod/default/b", "-o", "json")
    told = json.loads(ran.out)
    assert (ran.code, told["verdict"]) == (0, "reachable")
    found = [one for one in told["suspicions"] if one["code"] == "aliyun.not-collected"]
    assert {one["where"]["name"] for one in found} == {"n1", "n2"}
    assert all(one["level"] == "info" for one in found)
    assert all("infra/aliyun: not collected (give it with --infra)" in one["message"] for one in found)


HEALTHY = [
    ("pod/default/a", "pod/default/b"),
    ("pod/default/a", "svc/default/web"),
    ("node/n1", "192.0.2.80"),
]


@pytest.mark.parametrize(("source", "destination"), HEALTHY)
def test_a_healthy_vpc_lets_it_through(snapshot: Path, tmp_path: Path, source: str, destination: str) -> None:
    port = ["-p", "80"] if destination.startswith("svc") else []
    ran = ask(snapshot, source, destination, *port, "--infra", written(tmp_path, vpc()), "-o", "json")
    answer = json.loads(ran.out)
    assert (ran.code, answer["verdict"]) == (0, "reachable"), ran.out
    assert [one for one in answer["suspicions"] if one["level"] != "info"] == []


def test_a_group_that_drops_the_tunnel_stops_the_pods(snapshot: Path, tmp_path: Path) -> None:
    found = vpc()
    found["groups"][0]["Permissions"]["Permission"].append(
        rule("10.0.0.0/16", "UDP", "1/65535", Policy="Drop", Priority="5")
    )
    ran = ask(snapshot, "pod/default/a", "pod/default/b", "--infra", written(tmp_path, found))
    assert ran.code == 1
    first = "unreachable (timeout): node/n2: the security groups of eni-2 (sg-nodes (nodes)) drop udp 8472"
    assert f"{first} from 10.0.0.1" in ran.out
    assert "sg-nodes (nodes) ingress 5: drop udp 1/65535 from 10.0.0.0/16" in ran.out
    assert "aliyun ecs AuthorizeSecurityGroup --SecurityGroupId sg-nodes" in ran.out
    assert "--Permissions.1.Priority 4" in ran.out


def test_a_node_without_an_elastic_address_needs_an_snat_entry(snapshot: Path, tmp_path: Path) -> None:
    ran = ask(snapshot, "node/n2", "192.0.2.80", "--infra", written(tmp_path, vpc()))
    assert ran.code == 1
    assert "the NAT gateway ngw-1 has no usable SNAT entry for 10.0.0.2 of vsw-a" in ran.out


def test_the_service_is_asked_by_its_load_balancer(snapshot: Path, tmp_path: Path) -> None:
    ran = ask(snapshot, CLIENT, "svc/default/web", "-p", "80", "--infra", written(tmp_path, vpc()))
    assert ran.code == 0, ran.out
    assert [f"lb/{CLASSIC}", "service"] in [line.split()[:2] for line in ran.out.splitlines()]


@pytest.mark.parametrize("collected", [False, True])
def test_a_load_balancer_that_nobody_knows_gives_no_verdict(
    snapshot: Path, tmp_path: Path, collected: bool
) -> None:
    other = vpc(lambda found: found["classic"].update(Address="198.51.100.99"))
    files = ("--infra", written(tmp_path, other)) if collected else ()
    ran = ask(snapshot, CLIENT, "svc/default/web", "-p", "80", *files)
    assert ran.code == 3
    assert f"no load balancer with the address {CLASSIC} was collected" in ran.out
    assert ask(snapshot, "pod/default/a", "svc/default/web", "-p", "80", *files).code == 0


def test_a_listener_that_is_not_there_and_a_list_without_the_client(snapshot: Path, tmp_path: Path) -> None:
    gone = vpc(lambda found: found["classic listener"].update(ListenerPort=443))
    ran = ask(snapshot, CLIENT, "svc/default/web", "-p", "80", "--infra", written(tmp_path, gone))
    assert ran.code == 1
    assert "unreachable (timeout): the load balancer web has no listener for tcp 80" in ran.out
    assert "listeners: tcp 443" in ran.out
    shut = vpc(lambda found: listed(found, "white", "192.0.2.0/24"))
    ran = ask(snapshot, CLIENT, "svc/default/web", "-p", "80", "--infra", written(tmp_path, shut))
    assert ran.code == 1
    assert "203.0.113.7 is not on the white list acl-1 of the listener 80 of web" in ran.out


def test_a_snapshot_keeps_what_the_files_say(tmp_path: Path) -> None:
    listed = {"kind": "List", "items": [dict(item) for items in objects().values() for item in items]}
    (tmp_path / "objects.json").write_text(json.dumps(listed))
    ran = skoop(
        "snapshot", "-f", tmp_path / "s", "--node-dump", SNAPSHOT, "--objects", tmp_path / "objects.json",
        "--infra", written(tmp_path, vpc()),
    )  # fmt: skip
    assert ran.code == 0, ran.err
    ran = ask(tmp_path / "s", "pod/default/a", "pod/default/b", "-o", "json")
    assert ran.code == 0
    assert "aliyun.not-collected" not in ran.out


def test_a_bad_file_is_one_line(snapshot: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"Code": "Forbidden.RAM"}')
    ran = ask(snapshot, "pod/default/a", "pod/default/b", "--infra", path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {path}: is no answer that is known")
