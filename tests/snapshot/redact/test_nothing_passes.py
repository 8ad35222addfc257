"""Whatever a table, an object or a text holds: a word that nobody knows never comes out again."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubectl_skoop.cluster.fields import FIELDS as OBJECT_FIELDS
from kubectl_skoop.netstack.netfilter.iptables import header, match, target
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.redact import Pseudonyms
from kubectl_skoop.snapshot.redact.ipset import VALUED
from kubectl_skoop.snapshot.redact.iptables import KINDS
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.netlink import FIELDS
from kubectl_skoop.snapshot.redact.nft import KEYS
from kubectl_skoop.snapshot.redact.object import POLICY_FIELDS, redact_object
from kubectl_skoop.snapshot.redact.table import KNOWN, SAVED, redact_table

SECRET = "acmesecret"
STEADY = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
FRAMES = ["{}", "{}/web", "default/{}:http", "{}:80", "@{}", "cali:{}123456", "KUBE-SVC-{}", "veth{}"]
FRAMES += [
    "10.1.2.3/{}",
    "{}*",
    "/kubepods/{}",
    "kns.{}",
    "a b {}",
    "[{}]:80",
    '{{"VNI": "{}"}}',
    "{}\\",
    "-{}",
]
TEXTS = st.sampled_from([frame.format(SECRET) for frame in FRAMES])
SCALARS = TEXTS | st.integers(0, 9) | st.booleans() | st.none() | st.just(SECRET.encode())


def nested(keys: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys | TEXTS, inner, max_size=4),
        max_leaves=20,
    )


FIELD_DATA = nested(st.sampled_from(sorted(FIELDS)))
MORE = st.sampled_from(
    ["lists", "rules", "features", "only", "jiffies", "net.ipv4.conf.all.forwarding", "id"]
)


@pytest.fixture(scope="module")
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(b"k" * 32)


@STEADY
@given(name=st.sampled_from(sorted(KNOWN)), data=FIELD_DATA | nested(MORE))
def test_of_tables(name: str, data: object, pseudonyms: Pseudonyms) -> None:
    left_out = LeftOut()
    found = redact_table(name, Table(data=data, reason=SECRET), pseudonyms, left_out)
    assert SECRET not in f"{found} {left_out.lines()}"


@STEADY
@given(data=nested(st.sampled_from(sorted(KEYS))))
def test_of_nft(data: object, pseudonyms: Pseudonyms) -> None:
    text = json.dumps(data, default=lambda value: value.decode())
    assert SECRET not in str(redact_table("nft", Table(data=text), pseudonyms, LeftOut()))


@STEADY
@given(
    kind=st.sampled_from(sorted([*OBJECT_FIELDS, "ConfigMap", "BGPConfiguration.crd.projectcalico.org"])),
    body=st.dictionaries(
        st.sampled_from(["metadata", "spec", "status", "data", "subsets", "endpoints", "specs", SECRET]),
        nested(
            st.sampled_from(sorted(POLICY_FIELDS))
            | st.sampled_from(
                ["name", "labels", "annotations", "uid", "image", "net-conf.json", "config.conf"]
            )
        ),
    ),
)
def test_of_objects(kind: str, body: dict[str, object], pseudonyms: Pseudonyms) -> None:
    left_out = LeftOut()
    found = redact_object(kind, {"kind": kind, **body}, pseudonyms, left_out)
    assert SECRET not in f"{found} {left_out.lines()}"


OPTIONS = sorted({option for kind in KINDS for option in kind})
WORDS = st.sampled_from(
    [*OPTIONS, "-m", "-j", "-g", "!", "comment", "set", "tcp", "DNAT", "LOG", '"', "1", "10.1.2.3"]
)


@STEADY
@given(name=st.sampled_from(sorted(SAVED)), words=st.lists(WORDS | TEXTS, max_size=12))
def test_of_rules(name: str, words: list[str], pseudonyms: Pseudonyms) -> None:
    text = f"*{SECRET}\n:{SECRET} - [0:0]\n-A {SECRET} {' '.join(words)}\n{' '.join(words)}"
    assert SECRET not in str(redact_table(name, Table(data=text), pseudonyms, LeftOut()))


def options_with_values() -> list[str]:
    found = []
    for flag, kinds in (("-m", match), ("-j", target)):
        for name in kinds.MODULES:
            kind = kinds.kind_of(name)
            assert kind is not None
            found += [
                f"{flag} {name} {option} " + " ".join([SECRET] * count)
                for option, count in kind.arity.items()
                if count
            ]
    return found + [f"{option} {SECRET}" for option, count in header.ARITY.items() if count]


@pytest.mark.parametrize("text", options_with_values())
def test_of_each_option(text: str, pseudonyms: Pseudonyms) -> None:
    rule = redact_table("iptables-nft", Table(data=f"-A INPUT {text}"), pseudonyms, LeftOut())
    assert SECRET not in str(rule)


SET_WORDS = st.sampled_from(
    ["family", "inet", "comment", "timeout", "range", "10.1.2.0/24", "10.1.2.3", '"', "nomatch"]
)


@STEADY
@given(
    kind=st.sampled_from(["hash:ip", "hash:net,iface", "list:set", "bitmap:port", "hash:ip,port", SECRET]),
    created=st.lists(SET_WORDS | TEXTS, max_size=6),
    added=st.lists(SET_WORDS | TEXTS, max_size=6),
)
def test_of_sets(kind: str, created: list[str], added: list[str], pseudonyms: Pseudonyms) -> None:
    text = f"create {SECRET} {kind} {' '.join(created)}\nadd {SECRET} {' '.join(added)}\n{' '.join(added)}"
    assert SECRET not in str(redact_table("ipset", Table(data=text), pseudonyms, LeftOut()))


@pytest.mark.parametrize("option", [*sorted(VALUED), "range", "comment"])
def test_of_each_option_of_sets(option: str, pseudonyms: Pseudonyms) -> None:
    text = f"create a hash:ip {option} {SECRET}\ncreate b hash:ip\nadd b 10.1.2.3 {option} {SECRET}"
    assert SECRET not in str(redact_table("ipset", Table(data=text), pseudonyms, LeftOut()))
