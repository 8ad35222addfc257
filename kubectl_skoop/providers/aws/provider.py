"""The provider `aws`: nodes that are EC2 instances. What it needs is imported where the cloud is this one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from kubectl_skoop.api import (
    ConfigBinder,
    Context,
    Detected,
    InfraFile,
    Network,
    Wants,
    option,
)
from kubectl_skoop.providers.documents import alone

REGION = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")


@dataclass(eq=False, frozen=True, slots=True)
class Config:
    profile: str = option("", "profile of the AWS configuration files that is asked with")
    region: str = option("", "region that is asked; default: that of the nodes")

    def validate(self) -> None:
        """The SDK knows what there is."""


class Aws:
    name: ClassVar[str] = "aws"
    options: ClassVar[type[ConfigBinder]] = Config
    wants: ClassVar[Wants] = Wants()

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        """By `spec.providerID`, `aws:///eu-west-1a/i-0123456789abcdef0`."""
        for node in ctx.cluster.nodes():
            if node.provider_id.startswith("aws://"):
                return Detected(cls.name, f"providerID of node {node.name}")
        return None

    def gather(self, ctx: Context, files: Sequence[InfraFile]) -> Mapping[str, object]:
        """Raises: InputError (a file), NoVerdict (AWS does not answer)."""
        config = ctx.config(Config)
        if files:
            asked = {"--aws-profile": config.profile, "--aws-region": config.region}
            alone([name for name, value in asked.items() if value], "AWS")
            from kubectl_skoop.providers.aws import answers

            return answers.read(files)
        from kubectl_skoop.providers.aws.ask import ask
        from kubectl_skoop.providers.aws.whole import instance_of

        nodes = ctx.cluster.nodes()
        instances = [instance for node in nodes if (instance := instance_of(node))]
        regions = (node.labels.get(label, "") for node in nodes for label in REGION)
        return ask(instances, config.region or next(filter(None, regions), ""), config.profile)

    def create_network(self, ctx: Context) -> Network:
        from kubectl_skoop.providers.aws.shim import shim

        return Network(plugin=ctx.plugin, shim=shim(partial(ctx.source.infra, self.name)))
