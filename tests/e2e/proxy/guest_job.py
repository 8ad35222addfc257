"""Runs inside the guest: a proxy writes its rules, our agent reads them, whole and with each fault."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.snapshot.assemble import write_node_dump

LEGACY = Path("/usr/sbin/xtables-legacy-multi")
"""The guest has no nf_tables NAT."""
TOOLS = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")
OF_KUBELET = (
    "iptables -t nat -N KUBE-MARK-DROP",
    "iptables -t nat -A KUBE-MARK-DROP -j MARK --or-mark 0x8000",
    "iptables -N KUBE-FIREWALL",
    "iptables -A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP",
    "iptables -I INPUT -j KUBE-FIREWALL",
    "iptables -I OUTPUT -j KUBE-FIREWALL",
)
"""No kubelet runs here, so what it writes for kube-proxy is written in its place."""
LAST_NODE_PORT = ":30010"
SETTLED = 300
"""Seconds that the proxy may take."""


def main(folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text())
    tools = folder / "bin"
    tools.mkdir()
    for tool in TOOLS:
        (tools / tool).symlink_to(LEGACY)
    os.environ["PATH"] = f"{tools}:{os.environ['PATH']}"
    run("ip link set lo up")
    run("ip link set vec0 up")
    for address in job["addresses"]:
        run(f"ip address add {address} dev vec0" + (" nodad" if ":" in address else ""))
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
    if job["kubelet"]:
        for command in OF_KUBELET:
            run(command)
    with open(folder / "proxy.log", "wb") as log:
        proxy = subprocess.Popen(job["command"], stdout=log, stderr=log)
    settle(job["written"])
    proxy.kill()
    proxy.wait()
    collect(job["node"], folder / "healthy.dump")
    for number, fault in enumerate(job["faults"]):
        for command in fault["do"]:
            run(command)
        collect(job["node"], folder / f"{number}.dump")
        for command in fault["undo"]:
            run(command)
    collect(job["node"], folder / "mended.dump")


def settle(rules: Sequence[str]) -> None:
    """All virtual servers are there, the rules of both families too, and the servers change no more."""
    end, before = time.monotonic() + SETTLED, ""
    while time.monotonic() < end:
        servers = output("ipvsadm -S -n")
        written = servers + output("iptables-save") + output("ip6tables-save")
        if all(one in written for one in (LAST_NODE_PORT, *rules)) and servers == before:
            return
        before = servers
        time.sleep(1)
    raise TimeoutError(f"the rules do not settle: {written[-2000:]}")


def output(command: str) -> str:
    return subprocess.run(command.split(), capture_output=True, text=True).stdout


def collect(node: str, path: Path) -> None:
    write_node_dump(collect_node(node, Path("/proc/self/ns/net"), {}), path)


def run(command: str) -> None:
    done = subprocess.run(shlex.split(command), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
