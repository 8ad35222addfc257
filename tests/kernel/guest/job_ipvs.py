"""Runs inside the guest: each case is set up, collected by our agent, and asked with real connections."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.snapshot.assemble import write_node_dump
from kubectl_skoop.testing.netns import entered
from kubectl_skoop.testing.unused import bind_unused
from tests.kernel.guest.cases import BACKEND, CASES, NODE, PORT, SERVERS, SOURCES, VIP, Case

NETNS = Path("/run/netns")
PLACES = ("nd", "cl", "b1", "b2")
TIMEOUT, PATIENT = 1.4, 5.0
"""Seconds: a SYN is repeated once, or twice. The longer time is for what may be answered: a busy machine may
make an answer late."""
ASKED = 4
SETTINGS = ("drop_packet", "am_droprate", "nat_icmp_send", "snat_reroute")
DEFENCE = 1.5
"""Seconds after which a setting of drop_packet counts (update_defense_level, each second)."""
Answer = dict[str, str]


def main(folder: Path) -> None:
    build()
    for place in ("nd", "b1", "b2"):
        for port in (PORT, BACKEND) if place != "nd" else (BACKEND,):
            listen(place, port)
    answers = {}
    for number, case in enumerate(CASES):
        with prepared(case):
            dump = collect_node(NODE, NETNS / "nd", {f"default/{name}": NETNS / name for name in PLACES[1:]})
            write_node_dump(dump, folder / f"{number}.dump")
            answers[case.name] = asked(case)
            if case.by_source:
                answers[f"{case.name} by source"] = [ask(case, source) for source in SOURCES]
    (folder / "answers.json").write_text(json.dumps(answers))


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")


def write(place: str, key: str, value: int) -> None:
    with entered(NETNS / place):
        Path("/proc/sys/net", *key.split(".")).write_text(f"{value}\n")


def read(place: str, key: str) -> int:
    with entered(NETNS / place):
        return int(Path("/proc/sys/net", *key.split(".")).read_text())


def build() -> None:
    for place in PLACES:
        run("ip", "netns", "add", place)
        run("ip", "-n", place, "link", "set", "lo", "up")
        write(place, "ipv4.icmp_ratelimit", 0)
        write(place, "ipv4.icmp_ratemask", 0)
    for number, place in enumerate(("cl", "b1", "b2"), start=1):
        link = ("link", "add", f"v{place}", "type", "veth", "peer", "name", "eth0", "netns", place)
        run("ip", "-n", "nd", *link)
        run("ip", "-n", "nd", "addr", "add", f"10.1.{number}.1/24", "dev", f"v{place}")
        run("ip", "-n", "nd", "link", "set", f"v{place}", "up")
        run("ip", "-n", place, "addr", "add", f"10.1.{number}.2/24", "dev", "eth0")
        run("ip", "-n", place, "link", "set", "eth0", "up")
        run("ip", "-n", place, "route", "add", "default", "via", f"10.1.{number}.1")
    for source in SOURCES:
        run("ip", "-n", "cl", "addr", "add", f"{source}/24", "dev", "eth0")
    run("ip", "-n", "cl", "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", "b1")
    for place, address in (("cl", "10.1.9.1/24"), ("b1", "10.1.9.2/24")):
        run("ip", "-n", place, "addr", "add", address, "dev", "eth1")
        run("ip", "-n", place, "link", "set", "eth1", "up")
    run("ip", "-n", "nd", "link", "add", "kube-ipvs0", "type", "dummy")
    run("ip", "-n", "nd", "addr", "add", f"{VIP}/32", "dev", "kube-ipvs0")
    write("nd", "ipv4.ip_forward", 1)


@contextmanager
def prepared(case: Case) -> Iterator[None]:
    write("nd", "ipv4.vs.conntrack", int(case.conntrack))
    usual = {name: read("nd", f"ipv4.vs.{name}") for name in SETTINGS}
    for name, text in (setting.split("=") for setting in case.settings):
        write("nd", f"ipv4.vs.{name}", int(text))
    if case.settings:
        time.sleep(DEFENCE)
    service = (
        ["-f", str(case.mark)] if case.mark else ["-u" if case.protocol == "udp" else "-t", f"{VIP}:{PORT}"]
    )
    inside("nd", "ipvsadm", "-A", *service, *case.service.split())
    for server in case.servers:
        inside("nd", "ipvsadm", "-a", *service, "-r", *server.format(**SERVERS).split())
    for rule in case.rules:
        inside("nd", "iptables-legacy", *rule.format(**SERVERS).split())
    ip(case.commands)
    try:
        yield
    finally:
        ip(case.undo)
        inside("nd", "ipvsadm", "-C")
        for name, number in usual.items():
            write("nd", f"ipv4.vs.{name}", number)
        for table in ("filter", "nat", "mangle") if case.rules else ():
            inside("nd", "iptables-legacy", "-t", table, "-F")


def ip(lines: tuple[str, ...]) -> None:
    for line in lines:
        place, _, arguments = line.partition(": ")
        run("ip", "-n", place, *arguments.split())


def inside(place: str, *command: str) -> None:
    with entered(NETNS / place):
        run(*command)


def listen(place: str, port: int) -> None:
    """Answers with its name and the address that it was asked from."""
    with entered(NETNS / place):
        stream = socket.socket()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        datagram = socket.socket(type=socket.SOCK_DGRAM)
    stream.bind(("", port))
    stream.listen(16)
    datagram.bind(("", port))

    def serve_streams() -> None:
        while True:
            connection, peer = stream.accept()
            with connection:
                connection.sendall(f"{place} {peer[0]}".encode())

    def serve_datagrams() -> None:
        while True:
            _, peer = datagram.recvfrom(64)
            datagram.sendto(f"{place} {peer[0]}".encode(), peer)

    for serve in (serve_streams, serve_datagrams):
        threading.Thread(target=serve, daemon=True).start()


def asked(case: Case) -> list[Answer]:
    answers = [ask(case, patience=PATIENT)]
    while len(answers) < ASKED:
        lost = all(one["symptom"] == "timeout" for one in answers)
        answers.append(ask(case, patience=TIMEOUT if lost else PATIENT))
    return answers


def ask(case: Case, source: str = "", *, patience: float = PATIENT) -> Answer:
    kind = socket.SOCK_DGRAM if case.protocol == "udp" else socket.SOCK_STREAM
    with entered(NETNS / case.source):
        client = socket.socket(type=kind)
    with client:
        client.settimeout(patience)
        if case.protocol == "udp":
            bind_unused(client, source)
        elif source:
            client.bind((source, 0))
        try:
            client.connect((case.target, case.port))
            if case.protocol == "udp":
                client.send(b"?")
            words = client.recv(64).decode().split()
        except TimeoutError:
            return {"symptom": "timeout"}
        except OSError as error:
            return {"symptom": (error.strerror or "").lower()}
    return {"symptom": "answer", "server": words[0], "source": words[1]}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
