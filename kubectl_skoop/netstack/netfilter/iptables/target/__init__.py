"""The targets of x_tables, one module for each subject.

A module defines `KINDS`, a dict from the name after `-j` to its TargetKind, and is imported when a rule
needs it.
"""

from importlib import import_module

from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind

MODULES = {
    "ACCEPT": "standard",
    "AUDIT": "observe",
    "CHECKSUM": "observe",
    "CLASSIFY": "observe",
    "CONNMARK": "mark",
    "CONNSECMARK": "observe",
    "CT": "conntrack",
    "DNAT": "nat",
    "DNPT": "npt",
    "DROP": "standard",
    "DSCP": "header",
    "ECN": "observe",
    "HL": "header",
    "IDLETIMER": "observe",
    "LED": "observe",
    "LOG": "observe",
    "MARK": "mark",
    "MASQUERADE": "nat",
    "NETMAP": "nat",
    "NFLOG": "observe",
    "NFQUEUE": "standard",
    "NOTRACK": "conntrack",
    "QUEUE": "standard",
    "RATEEST": "observe",
    "REDIRECT": "nat",
    "REJECT": "reject",
    "RETURN": "standard",
    "SECMARK": "observe",
    "SET": "set",
    "SNAT": "nat",
    "SNPT": "npt",
    "SYNPROXY": "standard",
    "TCPMSS": "tcpmss",
    "TCPOPTSTRIP": "tcpmss",
    "TEE": "observe",
    "TOS": "header",
    "TPROXY": "tproxy",
    "TRACE": "observe",
    "TTL": "header",
    "ULOG": "observe",
}


def kind_of(name: str) -> TargetKind | None:
    """None: a user chain, or a target that is not modelled."""
    module = MODULES.get(name)
    if module is None:
        return None
    kind: TargetKind = import_module(f"{__name__}.{module}").KINDS[name]
    return kind
