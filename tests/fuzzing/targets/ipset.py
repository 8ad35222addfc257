"""Text of `ipset save`, and packets that are looked up in each set."""

from collections.abc import Iterator
from pathlib import Path

from kubectl_skoop.netstack.ipset import Subject, lookup, parse_ipsets
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms
from kubectl_skoop.snapshot.redact.table import redact_table
from tests.fuzzing.router import PACKETS
from tests.fuzzing.target import Target

SUBJECTS = [Subject(packet=packet, mark=1, indev="eth0", outdev="eth1", framed=True) for packet in PACKETS]
SETS = {
    "bitmap:ip range 10.0.0.0/24": ("10.0.0.1", "10.0.0.5-10.0.0.7"),
    "bitmap:ip,mac range 10.0.0.0/24": ("10.0.0.1,00:11:22:33:44:55", "10.0.0.2"),
    "bitmap:port range 0-1023": ("80", "100-200"),
    "hash:ip family inet hashsize 1024 maxelem 65536 netmask 24": ("10.0.0.0",),
    "hash:ip family inet6 timeout 60": ("fd00::1 timeout 30",),
    "hash:ip,mark family inet markmask 0xff": ("10.0.0.1,0x00000001",),
    "hash:ip,mac family inet": ("10.0.0.1,00:11:22:33:44:55",),
    "hash:mac": ("00:11:22:33:44:55",),
    "hash:ip,port family inet counters": ("10.0.0.1,tcp:80 packets 0 bytes 0", "10.0.0.1,icmp:echo-request"),
    "hash:ip,port,ip family inet": ("10.0.0.1,tcp:80,10.0.0.2",),
    "hash:ip,port,net family inet comment": ('10.0.0.1,udp:53,10.0.0.0/8 comment "a b"',),
    "hash:net family inet": ("10.0.0.0/8", "10.0.0.0/24 nomatch"),
    "hash:net,net family inet": ("10.0.0.0/8,10.0.0.0/24",),
    "hash:net,port family inet6": ("fd00::/64,tcp:80",),
    "hash:net,port,net family inet": ("10.0.0.0/8,tcp:80,10.0.0.0/8",),
    "hash:net,iface family inet": ("10.0.0.0/8,eth0", "10.0.0.0/8,eth wildcard", "0.0.0.0/0,physdev:eth0"),
    "list:set size 8": ("s0", "s0 before s1"),
}


def run(data: bytes) -> None:
    text = data.decode("utf-8", "backslashreplace")
    sets = parse_ipsets(text)
    for name in list(sets)[:4]:
        for subject in SUBJECTS:
            lookup(sets, name, subject, ("src", "dst", "src"))
    redact_table("ipset", Table(data=text), Pseudonyms(b"k" * 32), LeftOut())


def seeds() -> Iterator[bytes]:
    whole = ""
    for number, (kind, members) in enumerate(SETS.items()):
        lines = [f"create s{number} {kind}", *(f"add s{number} {member}" for member in members)]
        text = "\n".join([*lines, ""])
        whole += text
        yield text.encode()
    yield whole.encode()
    yield (Path(__file__).parents[2] / "data" / "iptables" / "ipvs-uml.ipset").read_bytes()[:4000]


TARGET = Target(
    name="ipset",
    run=run,
    seeds=seeds,
    words=tuple(
        sorted(
            {word for kind in SETS for word in kind.split()} | {"create", "add", "tcp:", "icmp:", "physdev:"}
        )
    ),
)
