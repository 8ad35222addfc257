"""A plugin that raises, or returns nonsense, costs its own wishes, not the diagnosis."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import PurePath
from traceback import walk_tb
from typing import NamedTuple

from kubectl_skoop.cluster.objects import NodeInfo, PodInfo
from kubectl_skoop.diagnosis.expectations.expectation import Expectation
from kubectl_skoop.diagnosis.extension.declared import check_fields
from kubectl_skoop.diagnosis.extension.interface import NetNodeAction, Passing, Plugin, Wishes
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion

CODE = "plugin.failed"
FAILURES = (Exception, SystemExit)
"""What a stranger's code may raise without ending the run."""
MAX_WISHES = 50_000
"""Of one place, each time that it is asked."""
_OURS = ("kubectl_skoop.cli", "kubectl_skoop.diagnosis")


class GuardedAction:
    """A NetNodeAction whose errors are findings."""

    def __init__(self, place: Place, plugin: str, make: Callable[[], NetNodeAction]) -> None:
        self.place = place
        self.plugin = plugin
        self.make = make

    def always(self) -> Wishes:
        return self._guarded(lambda action: action.always())

    def wishes(self, passing: Passing) -> Wishes:
        return self._guarded(lambda action: action.wishes(passing))

    @cached_property
    def _made(self) -> NetNodeAction:
        return self.make()

    def _guarded(self, ask: Callable[[NetNodeAction], Wishes]) -> Iterator[Expectation | Suspicion]:
        """Whatever a stranger's code raises becomes a suspicion."""
        try:
            for number, wish in enumerate(ask(self._made)):
                if number == MAX_WISHES:
                    raise OverflowError(f"it has more than {MAX_WISHES:,} wishes")
                yield _calm(_checked(wish))
        except FAILURES as error:
            yield _failure(self.plugin, self.place, error)


class GuardedPlugin(NamedTuple):
    """The actions of a plugin, guarded."""

    plugin: Plugin

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        place = Place("pod", pod.key)
        return GuardedAction(place, self.plugin.name, lambda: self.plugin.create_pod(pod))

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        place = Place("node", node.name)
        return GuardedAction(place, self.plugin.name, lambda: self.plugin.create_node(node))

    def serves_services(self) -> bool | Suspicion:
        """A suspicion: it failed."""
        try:
            return self.plugin.serves_services()
        except FAILURES as error:
            return _failure(self.plugin.name, None, error)


def _checked(wish: object) -> Expectation | Suspicion:
    """Raises: TypeError."""
    if not isinstance(wish, Expectation | Suspicion):
        raise TypeError(f"{wish!r} is neither an Expectation nor a Suspicion")
    check_fields(wish)
    hash(wish)
    return wish


def _calm(wish: Expectation | Suspicion) -> Expectation | Suspicion:
    """A plugin turns no verdict, so what it sees in objects stops nothing."""
    if isinstance(wish, Expectation) or (wish.level <= Level.WARNING and not wish.effect):
        return wish
    return replace(wish, level=min(wish.level, Level.WARNING), effect="")


def told(error: BaseException) -> str:
    """What it is, and where in a stranger's code: `KeyError: 'b' (routenet.py, line 40)`."""
    frames = [
        (frame.f_globals.get("__name__", ""), frame, line) for frame, line in walk_tb(error.__traceback__)
    ]
    theirs = (
        f" ({PurePath(frame.f_code.co_filename).name}, line {line})"
        for module, frame, line in reversed(frames)
        if module.partition(".")[0] not in sys.stdlib_module_names and not module.startswith(_OURS)
    )
    return f"{type(error).__name__}: {error}{next(theirs, '')}"


def _failure(plugin: str, place: Place | None, error: BaseException) -> Suspicion:
    here = " here" if place else ""
    return Suspicion(
        code=CODE,
        level=Level.WARNING,
        where=Where(place=place),
        message=f"the plugin {plugin} failed{here}, so what it wants was not compared: {told(error)}",
        remedy="report this to the author of the plugin; --network-plugin any does without it",
    )
