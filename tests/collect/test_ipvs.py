"""IPVS messages as the kernel packs them; the kernel of the labs has no IPVS."""

from socket import AF_INET

import pytest

from kubectl_skoop.collect.ipvs import attributes_of, read_ipvs
from kubectl_skoop.collect.table import Absent


def test_a_service_is_read_under_short_names() -> None:
    from pyroute2.netlink.generic.ipvs import ipvsmsg

    packed = ipvsmsg()
    packed["cmd"] = 1
    packed["attrs"] = [
        (
            "IPVS_CMD_ATTR_SERVICE",
            {
                "attrs": [
                    ("IPVS_SVC_ATTR_AF", AF_INET),
                    ("IPVS_SVC_ATTR_PROTOCOL", 6),
                    ("IPVS_SVC_ATTR_ADDR", "10.96.0.1"),
                    ("IPVS_SVC_ATTR_PORT", 443),
                    ("IPVS_SVC_ATTR_SCHED_NAME", "rr"),
                    ("IPVS_SVC_ATTR_FLAGS", {"flags": 3, "mask": 0xFFFFFFFF}),
                ]
            },
        )
    ]
    packed.encode()
    received = ipvsmsg(packed.data)
    received.decode()
    assert attributes_of(received, "IPVS_CMD_ATTR_SERVICE") == {
        "af": AF_INET,
        "protocol": 6,
        "addr": "10.96.0.1",
        "port": 443,
        "sched_name": "rr",
        "flags": {"flags": 3, "mask": 0xFFFFFFFF},
    }


def test_without_ip_vs_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubectl_skoop.collect.ipvs.read_optional", lambda name: None)
    with pytest.raises(Absent):
        read_ipvs()
