"""Of the counters of /proc/net the columns stay that limits are told by, as numbers."""

import pytest

from kubectl_skoop.snapshot.redact.counters import counters


def test_the_columns_that_are_asked_for_stay() -> None:
    files: dict[object, object] = {
        "snmp": "Ip: Forwarding InReceives\nIp: 1 77\nTcp: ActiveOpens PassiveOpens\nTcp: 5 6\n",
        "netstat": "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 2 3\nIpExt: X\nIpExt: 9\n",
        "stat/nf_conntrack": "entries  found drop early_drop\n0000000a 00000001 00000002 00000003\n",
        "softnet_stat": "0000000a 0000000b 0000000c\n",
        "sockstat": "sockets: used 9\n",
        "acme": "secret\n",
    }
    assert counters(files) == {
        "snmp": "Tcp: PassiveOpens\nTcp: 6\n",
        "netstat": "TcpExt: ListenOverflows ListenDrops\nTcpExt: 2 3\n",
        "stat/nf_conntrack": "drop early_drop\n00000002 00000003\n",
        "softnet_stat": "0000000a 0000000b\n",
    }


@pytest.mark.parametrize(
    "files",
    [
        {"softnet_stat": "0000000a secret\n"},
        {"snmp": "Tcp: PassiveOpens\nTcp: secret\n"},
        {"snmp": "Tcp: PassiveOpens\n"},
        {"netstat": "TcpExt: ListenOverflows ListenDrops\nTcpExt: 2\n"},
        {"stat/nf_conntrack": "drop\nsecret\n"},
    ],
)
def test_what_is_no_number_is_refused(files: dict[object, object]) -> None:
    with pytest.raises(ValueError, match=r"lacks|invalid|shorter|longer"):
        counters(files)
