"""Annotations of which a part is kept, and times: what other tables say is still the same there."""

import json
from base64 import b64encode
from typing import Any

import pytest

from kubectl_skoop.cluster.secondary import STATUS
from kubectl_skoop.netstack.devices.wireguard_key import key_digest
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.netlink import rows
from kubectl_skoop.snapshot.redact.object import redact_object
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms

KEY = bytes(range(32))
BACKEND_DATA = "flannel.alpha.coreos.com/backend-data"


def annotation(kind: str, key: str, value: str, pseudonyms: Pseudonyms) -> Any:
    item = {"kind": kind, "metadata": {"name": "x", "namespace": "shop", "annotations": {key: value}}}
    found: Any = redact_object(kind, item, pseudonyms, LeftOut())
    return json.loads(found["metadata"]["annotations"][key])


def test_of_flannels_key_the_digest_stays_that_of_its_device() -> None:
    pseudonyms = Pseudonyms(b"0" * 32)
    told = json.dumps({"PublicKey": b64encode(KEY).decode(), "Port": 51820})
    device: Any = rows({"key_digest": key_digest(KEY)}, pseudonyms, LeftOut(), "wireguard")
    kept = annotation("Node", BACKEND_DATA, told, pseudonyms)
    assert kept == {"Port": 51820, "KeyDigest": device["key_digest"]}


def test_of_a_second_network_addresses_are_pseudonyms() -> None:
    pseudonyms = Pseudonyms(b"0" * 32)
    told = [{"name": "shop/storage", "interface": "net1", "ips": ["10.9.0.7"], "mac": "02:00:00:00:00:07"}]
    (kept,) = annotation("Pod", STATUS, json.dumps(told), pseudonyms)
    name = pseudonyms.name
    assert kept == {
        "name": f"{name('shop')}/{name('storage')}",
        "interface": name("net1"),
        "ips": [str(pseudonyms.address("10.9.0.7"))],
        "default": False,
    }


@pytest.mark.parametrize(
    ("written", "is_kept"),
    [("2026-01-01T00:00:00Z", True), ("2026-01-01T00:00:00Z acme", False), ("acme", False), ("٢٠26", False)],
)
def test_when_a_node_was_created_is_kept_if_it_is_a_time(written: str, is_kept: bool) -> None:
    item = {"kind": "Node", "metadata": {"name": "x", "creationTimestamp": written}}
    found: Any = redact_object("Node", item, Pseudonyms(b"0" * 32), LeftOut())
    assert (found["metadata"]["creationTimestamp"] == written) == is_kept
