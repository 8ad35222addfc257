"""Writes what real proxies made of all shapes into tests/data/services, for tests without a cluster.

`python -m tests.e2e.proxy.record [kube-proxy] [kube-router]`, as root. Only their own tables are kept.
"""

import gzip
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from kubectl_skoop.cluster.allow import ANNOTATIONS
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.source import open_snapshot
from tests.e2e import binaries
from tests.e2e.proxy import guest
from tests.e2e.proxy import lab as labs
from tests.e2e.proxy.lab import KUBE_ROUTER, Proxy, ProxyLab, ProxyNode
from tests.e2e.proxy.test_proxy import EVERY, TOO_MUCH

FOLDER = Path(__file__).parents[2] / "data" / "services"
OF_KUBE_ROUTER = FOLDER / "kube-router"
OBJECTS = "objects.json.gz"
IPVS_TABLES = ("links", "addresses", "ipvs", "ipset", "iptables-legacy", "ip6tables-legacy", "sysctls")
SLICE_FIELDS = ("addressType", "endpoints", "ports")


def main(wanted: Sequence[str]) -> None:
    in_guests = (Proxy("ipvs"), Proxy("ipvs", binaries.OLD_VERSION))
    if "kube-proxy" in wanted:
        record((*EVERY, *in_guests), FOLDER)
    if "kube-router" in wanted:
        record([KUBE_ROUTER], OF_KUBE_ROUTER)


def record(proxies: Sequence[Proxy], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with labs.running(proxies, without=TOO_MUCH) as lab:
        objects = kept(json.loads(lab.objects())["items"])
        write(folder / OBJECTS, json.dumps(objects, separators=(",", ":")))
        for node in lab.nodes.values():
            name = f"{node.name}-{node.proxy.mode}-{node.proxy.version}.gz"
            write(folder / name, rules(lab, node))


def rules(lab: ProxyLab, node: ProxyNode) -> str:
    if node.proxy.in_guest:
        return of_guest(guest.run(lab, node.name, ()) / "healthy.dump", node.name)
    if node.proxy.mode == "nftables":
        listed = json.loads(node.room.run("nft", "-j", "list", "ruleset"))["nftables"]
        own = [one for one in listed if is_of_kube_proxy(one)]
        return json.dumps({"nftables": own}, separators=(",", ":"))
    tables = (("nat", "filter"), ("iptables-save", "ip6tables-save"))
    saved = (node.room.run(tool, "-t", table) for tool in tables[1] for table in tables[0])
    return "\n".join(line for text in saved for line in text.splitlines() if not line.startswith("#")) + "\n"


def of_guest(dump: Path, node: str) -> str:
    """The tables of the dump, as our agent read them."""
    with closing(open_snapshot(dump)) as source:
        tables = source.raw_tables(Place("node", node))
        assert not isinstance(tables, NotCollected)
        data: dict[str, Any] = {name: tables[name].data for name in IPVS_TABLES}
    links = ("index", "ifname", "flags", "mtu")
    data["links"] = [{name: link[name] for name in links if name in link} for link in data["links"]]
    data["sysctls"] = {
        name: value for name, value in data["sysctls"].items() if name.startswith("net.ipv4.vs.")
    }
    return json.dumps(data, separators=(",", ":"))


def is_of_kube_proxy(listed: dict[str, Any]) -> bool:
    (body,) = listed.values()
    return "kube-proxy" in (body.get("table"), body.get("name"))


def kept(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a test needs of them, and nothing that changes from run to run."""
    names = ("name", "namespace", "labels", "annotations")
    for item in items:
        noted = item["metadata"].get("annotations", {})
        item["metadata"]["annotations"] = {key: one for key, one in noted.items() if key in ANNOTATIONS}
    return [
        {
            "apiVersion": item["apiVersion"],
            "kind": item["kind"],
            "metadata": {name: item["metadata"][name] for name in names if item["metadata"].get(name)},
            **{name: item[name] for name in ("spec", "status", *SLICE_FIELDS) if name in item},
        }
        for item in items
    ]


def write(path: Path, text: str) -> None:
    """Without a time, so that equal rules are equal files."""
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(sys.argv[1:] or ("kube-proxy", "kube-router"))
