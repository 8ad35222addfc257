"""Machines that nobody's interface describes: the underlay is taken to carry everything."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from kubectl_skoop.api import (
    ConfigBinder,
    Context,
    Detected,
    InfraFile,
    InfraShim,
    InputError,
    Network,
    NodeInfo,
    NoOptions,
    Suspicion,
    Wants,
)

if TYPE_CHECKING:
    from kubectl_skoop.providers.segment import Segments


class Generic:
    name: ClassVar[str] = "generic"
    options: ClassVar[type[ConfigBinder]] = NoOptions
    wants: ClassVar[Wants] = Wants()

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        """Never: it is taken where no other provider knows the cloud."""
        return None

    def gather(self, ctx: Context, files: Sequence[InfraFile]) -> Mapping[str, object]:
        """Raises: InputError where there are files, which nobody would read."""
        if files:
            raise InputError(
                "--infra: no provider is known for this cluster's cloud, so nobody reads the files",
                hint="name the cloud with --cloud-provider",
            )
        return {}

    def create_network(self, ctx: Context) -> Network:
        return Network(plugin=ctx.plugin, shim=Undescribed())


class Undescribed(InfraShim):
    """It carries everything; `check` asks what the nodes know of it."""

    def __init__(self) -> None:
        self._segments: Segments | None = None

    def see(self, ctx: Context, node: NodeInfo) -> None:
        from kubectl_skoop.providers.segment import Segments

        self._segments = self._segments or Segments(ctx)
        self._segments.see(node)

    def of_cluster(self, ctx: Context) -> Iterable[Suspicion]:
        return () if self._segments is None else self._segments.findings()
