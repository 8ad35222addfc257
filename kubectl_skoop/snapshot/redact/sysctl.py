"""Settings of the kernel: devices in their names, and values that are numbers or known words."""

import re
from collections.abc import Mapping
from functools import lru_cache

from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.listed import listed
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms, version

_OF_DEVICE = re.compile(r"(net\.(?:ipv4|ipv6|mpls)\.(?:conf|neigh)\.)([^.]+)(\.[a-z0-9_]+)")
_OF_KERNEL = re.compile(r"(?:net|kernel)\.[a-z0-9_.-]+")
_NUMBERS = re.compile(r"[-\d\s,]*")
_WORDS = listed(
    """
    NONE nf_log_ipv4 nf_log_ipv6 nf_log_arp nf_log_netdev nf_log_bridge nfnetlink_log nf_log_syslog
    ip6t_LOG ipt_LOG ebt_log reno cubic bbr bbr2 bbr3 dctcp vegas westwood htcp bic hybla illinois nv cdg
    lp scalable veno yeah fq fq_codel pfifo_fast noqueue cake sfq
    """
)
SECRET = ("stable_secret", "tcp_fastopen_key", "fib_multipath_hash_seed")
RELEASE = "kernel.osrelease"


def sysctls(data: object, pseudonyms: Pseudonyms, left_out: LeftOut) -> dict[str, object]:
    kept: dict[str, object] = {}
    for name, value in data.items() if isinstance(data, Mapping) else ():
        written = _key(str(name), pseudonyms)
        if written is None or not isinstance(value, str) or str(name).endswith(SECRET):
            left_out.add("sysctls", "a setting that is not known, or secret")
        elif name == RELEASE:
            kept[written] = version(value)
        elif _is_plain(value):
            kept[written] = value
        else:
            left_out.add("sysctls", "a value that is no number")
    return kept


def unread_sysctls(data: object, pseudonyms: Pseudonyms) -> dict[str, object]:
    """The reasons go."""
    names = (_key(str(name), pseudonyms) for name in data) if isinstance(data, Mapping) else ()
    return {name: "" for name in names if name is not None}


@lru_cache(maxsize=4096)
def _is_plain(value: str) -> bool:
    """Numbers, or words that are known."""
    return bool(_NUMBERS.fullmatch(value)) or all(word in _WORDS for word in value.split())


def _key(name: str, pseudonyms: Pseudonyms) -> str | None:
    if found := _OF_DEVICE.fullmatch(name):
        return found[1] + pseudonyms.name(found[2].replace("/", ".")).replace(".", "/") + found[3]
    return name if _OF_KERNEL.fullmatch(name) else None
