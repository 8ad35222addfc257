"""The provider `aliyun`: nodes that are ECS instances. Imports what it needs where the cloud is this one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from kubectl_skoop.api import (
    Address,
    ConfigBinder,
    Context,
    Detected,
    InfraFile,
    Network,
    OptionError,
    Wants,
    option,
)
from kubectl_skoop.providers.documents import alone

_PROVIDER_ID = re.compile(r"(?:alicloud://)?([a-z]+-[a-z0-9-]+)\.i-[a-z0-9]+")


_FOR_ASKING = ("region", "access_key_id", "access_key_secret", "security_token")


@dataclass(eq=False, frozen=True, slots=True)
class Config:
    """Without a key the SDK looks for one: in the environment, in the files of `aliyun`, for a role."""

    region: str = option("", "region that is asked; default: that of the nodes")
    access_key_id: str = option("", "AccessKey to ask with; default: the environment's, or that of `aliyun`")
    access_key_secret: str = option("", "its secret; who lists processes sees it here", secret=True)
    security_token: str = option("", "of temporary keys", secret=True)

    def validate(self) -> None:
        """Raises: OptionError."""
        if bool(self.access_key_id) != bool(self.access_key_secret):
            raise OptionError("--aliyun-access-key-id and --aliyun-access-key-secret belong together")
        if self.security_token and not self.access_key_id:
            raise OptionError("--aliyun-security-token needs --aliyun-access-key-id")


class Aliyun:
    name: ClassVar[str] = "aliyun"
    options: ClassVar[type[ConfigBinder]] = Config
    wants: ClassVar[Wants] = Wants()

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        """By `spec.providerID`, region and instance: `cn-hangzhou.i-bp1a2b3c4d5e6f7g8h9i`."""
        for node in ctx.cluster.nodes():
            if _PROVIDER_ID.fullmatch(node.provider_id):
                return Detected(cls.name, f"providerID of node {node.name}")
        return None

    def gather(self, ctx: Context, files: Sequence[InfraFile]) -> Mapping[str, object]:
        """Raises: InputError (a file), NoVerdict (Alibaba Cloud does not answer)."""
        config = ctx.config(Config)
        if files:
            given = [name for name in _FOR_ASKING if getattr(config, name)]
            alone([f"--aliyun-{name.replace('_', '-')}" for name in given], "Alibaba Cloud")
            from kubectl_skoop.providers.aliyun import answers

            return answers.read(files)
        from kubectl_skoop.providers.aliyun.ask import ask
        from kubectl_skoop.providers.aliyun.client import Keys, caller
        from kubectl_skoop.providers.aliyun.whole import instance_of

        nodes = ctx.cluster.nodes()
        found = (_PROVIDER_ID.fullmatch(node.provider_id) for node in nodes)
        region = config.region or next((match[1] for match in found if match), "")
        keys = Keys(config.access_key_id, config.access_key_secret, config.security_token)
        instances = [instance for node in nodes if (instance := instance_of(node))]
        return ask(caller(region, keys), instances)

    def create_network(self, ctx: Context) -> Network:
        """Raises: OptionError."""
        ctx.config(Config)
        from kubectl_skoop.providers.aliyun.shim import shim

        def exposed() -> frozenset[Address]:
            services = ctx.cluster.services()
            return frozenset(address for each in services for address in each.load_balancer_addresses)

        return Network(plugin=ctx.plugin, shim=shim(partial(ctx.source.infra, self.name), exposed))
