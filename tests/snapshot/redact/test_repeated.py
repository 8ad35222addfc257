"""What many nodes and pods have alike is redacted once, to the same as each alone."""

from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.redact import Pseudonyms
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.repeated import Repeated
from kubectl_skoop.snapshot.redact.table import redact_table

KEY = b"k" * 32
SETTINGS = {
    "net.ipv4.ip_forward": "1",
    "net.ipv4.tcp_fastopen_key": "secret",
    "net.ipv4.conf.site.rp_filter": "0",
}
ROUTE = {"family": 2, "dst": "10.9.0.0", "dst_len": 16, "gateway": "10.0.0.7", "oif": 4, "table": 254}


def test_a_table_of_many_pods_and_what_it_lacks() -> None:
    left_out, alone = LeftOut(), LeftOut()
    pods, plain = Repeated(Pseudonyms(KEY), left_out), Pseudonyms(KEY)
    for time in (1.0, 2.0, 3.0):
        for table in (
            Table(data=SETTINGS, time=time),
            Table(data={}, time=time),
            Table(state="failed", reason="it"),
        ):
            assert pods.table("sysctls", table) == redact_table("sysctls", table, plain, alone)
        assert pods.table("site", Table(data={}, time=time)) is None
        redact_table("site", Table(data={}), plain, alone)
    assert left_out.lines() == alone.lines() != []


def test_rows_of_many_nodes_keep_their_own_ages() -> None:
    pseudonyms, left_out = Pseudonyms(KEY), LeftOut()
    rows = [ROUTE, {**ROUTE, "cacheinfo": {"used": 1}}, {**ROUTE, "cacheinfo": {"used": 2}}]
    rows += [{**ROUTE, "cacheinfo": {"used": 3, "site": "x"}}, {**ROUTE, "site": "x"}, {**ROUTE, "site": "x"}]
    for _ in range(2):
        found = redact_table("routes", Table(data=rows), pseudonyms, left_out)
        assert found is not None
        alone = [redact_table("routes", Table(data=[row]), Pseudonyms(KEY), LeftOut()) for row in rows]
        assert found.data == [one.data[0] for one in alone if one is not None and isinstance(one.data, list)]
    assert left_out.lines() == ["routes: a field that is not known (6)"]
