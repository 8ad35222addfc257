"""Places of one flow that were read at different times."""

from dataclasses import replace

from kubectl_skoop.diagnosis.moments import apart
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace


def _read(node: str, collected: float) -> NetworkNamespace:
    return replace(
        NetworkNamespace(id=f"{node}/1", node=node, place=Place("node", node)), collected=collected
    )


def test_places_that_were_read_together_need_no_word() -> None:
    assert apart([]) == ""
    assert apart([_read("a", 100.0), _read("b", 102.0)]) == ""


def test_the_first_and_the_last_are_named() -> None:
    told = apart([_read("b", 112.0), _read("a", 100.0), _read("c", 0.0), _read("d", 105.0)])
    assert told == "nothing changed in the 12 s between the reading of node/a and node/b"


def test_times_are_compared_by_one_clock() -> None:
    ahead = {"a": 30.0, "b": -1.0}
    assert apart([_read("a", 130.0), _read("b", 100.0)], ahead.__getitem__) == ""
    told = apart([_read("a", 130.0), _read("b", 129.0)], ahead.__getitem__)
    assert told == "nothing changed in the 30 s between the reading of node/a and node/b"
