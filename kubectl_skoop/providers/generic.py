"""Machines that nobody's interface describes: the underlay is taken to carry everything."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from kubectl_skoop.api import (
    ConfigBinder,
    Context,
    Detected,
    InfraFile,
    InfraShim,
    InputError,
    Network,
    NoOptions,
    Suspicion,
    Wants,
)


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

    def of_cluster(self, ctx: Context) -> Iterable[Suspicion]:
        from kubectl_skoop.providers.segment import of_segments

        return of_segments(ctx)
