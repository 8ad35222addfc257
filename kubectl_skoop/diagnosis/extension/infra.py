"""What the cluster's cloud says of its network: gathered by the provider, live or from files."""

from collections.abc import Mapping, Sequence
from functools import partial

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.interface import InfraFile
from kubectl_skoop.diagnosis.extension.registry import PluginError, check_options, choose_provider, guarded
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.errors import NoVerdict
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.format import pack
from kubectl_skoop.snapshot.limits import unpack
from kubectl_skoop.snapshot.source import Snapshot

Gathered = tuple[str, Mapping[str, object] | NotCollected]
"""The provider's name and its section, or why there is none; no fields: it needs none."""


def gather(source: Snapshot, options: Options, files: Sequence[InfraFile] = ()) -> Gathered:
    """Asks the provider of the cluster; without files the provider asks the cloud, and may fail.

    Raises: InputError (names, options, files), PluginError (a provider that cannot be loaded, or read files).
    """
    check_options(options.plugin)
    ctx = Context(source=source, cluster=Cluster(source), options=options)
    provider, fact, _ = choose_provider(ctx)
    name = fact.value
    try:
        fields = guarded(name, partial(provider().gather, ctx.owned_by(name), files))
    except NoVerdict as error:
        reason = f"{error} ({error.hint})" if error.hint else str(error)
        return name, NotCollected(f"infra/{name}", "not collected", reason)
    except PluginError as error:
        if files:
            raise
        return name, NotCollected(f"infra/{name}", "failed", str(error))
    return name, _kept(name, fields)


def _kept(name: str, fields: object) -> Mapping[str, object] | NotCollected:
    """As it comes back out of a snapshot: what a provider returns is no more trusted than a file."""
    try:
        plain = unpack(pack(fields))
    except (TypeError, ValueError, OverflowError) as error:
        return NotCollected(f"infra/{name}", "failed", f"what the provider returned cannot be kept: {error}")
    if not isinstance(plain, dict):
        return NotCollected(f"infra/{name}", "failed", "what the provider returned is no mapping")
    return plain
