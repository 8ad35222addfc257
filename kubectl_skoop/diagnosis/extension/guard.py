"""A plugin that raises costs its own wishes, not the diagnosis."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from kubectl_skoop.cluster.objects import NodeInfo, PodInfo
from kubectl_skoop.diagnosis.expectations.expectation import Expectation
from kubectl_skoop.diagnosis.extension.interface import NetNodeAction, Passing, Plugin, Wishes
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion

CODE = "plugin.failed"


@dataclass(frozen=True)
class GuardedAction:
    """A NetNodeAction whose errors are findings."""

    place: Place
    plugin: str
    make: Callable[[], NetNodeAction]

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
            yield from ask(self._made)
        except Exception as error:  # noqa: BLE001
            yield _failure(self.plugin, self.place, error)


@dataclass(frozen=True, slots=True)
class GuardedPlugin:
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
        except Exception as error:  # noqa: BLE001
            return _failure(self.plugin.name, None, error)


def _failure(plugin: str, place: Place | None, error: Exception) -> Suspicion:
    name, here = type(error).__name__, " here" if place else ""
    return Suspicion(
        code=CODE,
        level=Level.WARNING,
        where=Where(place=place),
        message=f"the plugin {plugin} failed{here}, so what it wants was not compared: {name}: {error}",
        remedy="report this to the author of the plugin; --network-plugin any does without it",
    )
