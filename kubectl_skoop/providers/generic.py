"""Machines that nobody's interface describes: the underlay is taken to carry everything."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from kubectl_skoop.api import ConfigBinder, Context, Detected, InfraShim, Network, NoOptions, Wants


class Generic:
    name: ClassVar[str] = "generic"
    options: ClassVar[type[ConfigBinder]] = NoOptions
    wants: ClassVar[Wants] = Wants()

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        """Never: it is taken where no other provider knows the cloud."""
        return None

    def gather(self, ctx: Context, files: Sequence[bytes]) -> Mapping[str, object]:
        return {}

    def create_network(self, ctx: Context) -> Network:
        return Network(plugin=ctx.plugin, shim=InfraShim())
