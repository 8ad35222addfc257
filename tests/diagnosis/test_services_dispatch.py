"""Chains that tell services apart are equal whatever their order, and differ where an answer may."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from kubectl_skoop.diagnosis.services.dispatch import candidates, differing, dispatch

ONE, TWO = ip_address("10.96.0.1").packed, ip_address("10.96.0.2").packed
TO_ONE = "-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-A"
AGAIN = "-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-MARK-MASQ"
TO_TWO = "-A KUBE-SERVICES -d 10.96.0.2/32 -p tcp -m tcp --dport 53 -j KUBE-SVC-B"
FIRST = "-A KUBE-SERVICES -s 10.0.0.0/8 -j RETURN"
LAST = "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS"
PORT = "-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-EXT-A"
OTHER = "-A KUBE-NODEPORTS -p tcp -m tcp --dport 30081 -j KUBE-EXT-B"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([TO_ONE, TO_TWO, LAST], [TO_TWO, TO_ONE, LAST], set()),
        ([PORT, OTHER], [OTHER, PORT], set()),
        ([TO_ONE, AGAIN, TO_TWO], [TO_TWO, AGAIN, TO_ONE], {ONE}),
        ([TO_ONE, TO_TWO, LAST], [TO_TWO, LAST], {ONE}),
        ([TO_ONE, LAST], [TO_ONE, TO_TWO, LAST], {TWO}),
        ([PORT, OTHER], [OTHER], {30080}),
        ([FIRST, TO_ONE], [TO_ONE, FIRST], {None}),
        ([TO_ONE, LAST], [TO_ONE], {None}),
        ([TO_ONE], [TO_ONE, PORT], {None, ONE}),
        ([TO_ONE, LAST, TO_TWO], [TO_TWO, LAST, TO_ONE], {None}),
        ([TO_ONE, LAST, TO_TWO], [TO_ONE, TO_TWO, LAST], {None, ONE, TWO}),
        ([], [TO_ONE], {ONE}),
    ],
)
def test_what_differs(one: Sequence[str], other: Sequence[str], expected: set[object]) -> None:
    for left, right in ((one, other), (other, one)):
        assert {*differing(dispatch(left, 4), dispatch(right, 4))} == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([FIRST, TO_TWO, TO_ONE, AGAIN, LAST], [FIRST, TO_ONE, AGAIN, LAST]),
        ([TO_TWO, LAST], [LAST]),
        ([TO_ONE, LAST, TO_TWO], [TO_ONE, LAST, TO_TWO]),
        ([PORT, OTHER], []),
        ([], []),
    ],
)
def test_rules_for_a_door_keep_their_order(lines: Sequence[str], expected: Sequence[str]) -> None:
    assert [*candidates(dispatch(lines, 4), ONE, 443)] == expected
