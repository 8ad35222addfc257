"""The helper (FTP, SIP …) that expected a connection (nf_conntrack_helper.c)."""

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.conntrack import IPS_EXPECTED, Connection
from kubectl_skoop.netstack.stack import Stack


def helper_of(stack: Stack, connection: Connection) -> str | Unknown | None:
    """Of the connection that this one belongs to; empty: it has none; None: nobody expected this one."""
    if not connection.status & IPS_EXPECTED:
        return None
    if connection.expected is not None:
        return connection.expected.helper
    master = connection.master and stack.ns.conntrack_by_tuple.get((connection.zone, connection.master))
    if not master:
        return Unknown("the connection that an expected one belongs to, which may be gone from the table")
    return master.helper
