"""Rules of kube-proxy's iptables mode, read for what they say of a new connection.

Thousands of them are compared, so only the few options that kube-proxy writes are understood here; a rule
with any other one says that it could not be read.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_network

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.diagnosis.services.meaning import Target
from kubectl_skoop.model.packet import Address

MARK_MASQ = "KUBE-MARK-MASQ"

_COMMENT = re.compile(r"-m comment --comment (?:\"(?:[^\"\\]|\\.)*\"|\S+) ?")
_PROBABILITY = re.compile(r"[01]\.\d{1,20}")
_PORT = re.compile(r"[0-9]{1,5}")
_WITHOUT_MEANING = frozenset(
    ("--mode", "--nfacct-name", "--reject-with", "--name", "--mask", "--seconds", "--set-xmark")
)
"""Options with one value that decide nothing here."""
_FLAGS = frozenset(("--reap", "--rsource", "--set", "--random", "--persistent"))


@dataclass(slots=True, kw_only=True)
class ProxyRule:
    """One rule, as far as it matters to a new connection."""

    text: str
    target: str = ""
    source: str = ""
    """With `!` before it where it is negated; empty: any."""
    destination: str = ""
    protocol: str = ""
    port: int = 0
    to_local: bool = False
    """The destination must be an address of the node."""
    never: bool = False
    """Not for new connections of pods and of the outside: of clients seen before, of the node itself."""
    probability: float = 1.0
    dnat: Target | None = None
    unread: bool = False


def read_rule(text: str) -> ProxyRule:
    """`text`: as iptables-save prints it, without counters."""
    rule = ProxyRule(text=text)
    given = _COMMENT.sub("", text).split()
    position, negated = 2, ""
    while position < len(given):
        option, value = given[position], given[position + 1] if position + 1 < len(given) else ""
        position += 2
        match option:
            case "!":
                negated, position = "!", position - 1
                continue
            case "-s":
                rule.source, negated = negated + value, ""
            case "-m" if not negated:
                pass
            case "-d" if not negated:
                rule.destination = value
            case "-p" if not negated:
                rule.protocol = value
            case "--dport" if not negated and value.isdecimal():
                rule.port = int(value)
            case "-j":
                rule.target = value
            case "--probability" if not negated and _PROBABILITY.fullmatch(value):
                rule.probability = float(value)
            case "--to-destination":
                rule.dnat = _target(value)
                rule.unread |= rule.dnat is None
            case "--dst-type" if value == "LOCAL" and not negated:
                rule.to_local = True
            case "--src-type" if value == "LOCAL" and not negated:
                rule.never = True
            case "--ctstate" if not negated:
                rule.never |= "NEW" not in value.split(",")
            case "--rcheck":
                rule.never, position = True, position - 1
            case _ if option in _FLAGS:
                position -= 1
            case _ if option in _WITHOUT_MEANING:
                pass
            case _:
                rule.unread = True
                return rule
        if negated:
            rule.unread = True
            return rule
    return rule


def covers(wanted: str, address: Address) -> bool:
    """Whether an option of `-s` or `-d` fits the address."""
    if not wanted:
        return True
    negated = wanted[0] == "!"
    low, high = _range(wanted[1:] if negated else wanted)
    return (low <= int(address) <= high) != negated


@lru_cache(maxsize=65536)
def _range(written: str) -> tuple[int, int]:
    """First and last address of a network; what is none has no addresses."""
    single = parse_address(written[:-3]) if written.endswith("/32") else None
    if single is not None and single.version == 4:
        return int(single), int(single)
    try:
        network = ip_network(written, strict=False)
    except ValueError:
        return 1, 0
    return int(network.network_address), int(network.broadcast_address)


@lru_cache(maxsize=65536)
def _target(written: str) -> Target | None:
    host, _, port = written.rpartition(":")
    address = parse_address(host.strip("[]"))
    return Target(address, int(port)) if address is not None and _PORT.fullmatch(port) else None
