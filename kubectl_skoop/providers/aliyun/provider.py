"""The provider `aliyun`: nodes that are ECS instances. Imports what it needs where the cloud is this one."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

from kubectl_skoop.api import (
    Address,
    ConfigBinder,
    Context,
    Detected,
    InfraFile,
    Network,
    NoOptions,
    NoVerdict,
    Wants,
)

_PROVIDER_ID = re.compile(r"(alicloud://)?[a-z]+-[a-z0-9-]+\.i-[a-z0-9]+")


class Aliyun:
    name: ClassVar[str] = "aliyun"
    options: ClassVar[type[ConfigBinder]] = NoOptions
    wants: ClassVar[Wants] = Wants()

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        """By `spec.providerID`, region and instance: `cn-hangzhou.i-bp1a2b3c4d5e6f7g8h9i`."""
        for node in ctx.cluster.nodes():
            if _PROVIDER_ID.fullmatch(node.provider_id):
                return Detected(cls.name, f"providerID of node {node.name}")
        return None

    def gather(self, ctx: Context, files: Sequence[InfraFile]) -> Mapping[str, object]:
        """Of files only. Raises: InputError (a file), NoVerdict (there is none)."""
        if not files:
            raise NoVerdict("Alibaba Cloud is not asked live", hint="give what `aliyun` printed with --infra")
        from kubectl_skoop.providers.aliyun import answers

        return answers.read(files)

    def create_network(self, ctx: Context) -> Network:
        """Raises: OptionError (it has no options)."""
        ctx.config(NoOptions)
        from kubectl_skoop.providers.aliyun.shim import shim

        def exposed() -> frozenset[Address]:
            services = ctx.cluster.services()
            return frozenset(address for each in services for address in each.load_balancer_addresses)

        return Network(plugin=ctx.plugin, shim=shim(partial(ctx.source.infra, self.name), exposed))
