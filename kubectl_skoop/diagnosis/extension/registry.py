"""Which plugins and providers are installed, and which of them fit this cluster.

Ours and a stranger's come the same way: by entry points, and only what is asked for is imported.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple, TypeVar

from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.entry_point import EntryPoint, entry_points
from kubectl_skoop.diagnosis.extension.guard import GuardedPlugin
from kubectl_skoop.diagnosis.extension.interface import Detected, Network, Plugin, Provider
from kubectl_skoop.diagnosis.extension.options import bind, unknown_option
from kubectl_skoop.diagnosis.result import Fact
from kubectl_skoop.model.errors import InputError, SkoopError, UnknownName
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.suspicion import Level, Suspicion

T = TypeVar("T")

PLUGINS, PROVIDERS = "kubectl_skoop.plugins", "kubectl_skoop.providers"
FALLBACK_PLUGIN, FALLBACK_PROVIDER = "any", "generic"
_WORDS = {PLUGINS: ("plugin", "--network-plugin"), PROVIDERS: ("provider", "--cloud-provider")}


class PluginError(InputError):
    """A plugin or provider that is installed, but cannot be used."""


class Setup(NamedTuple):
    """What a diagnosis runs on, and why."""

    network: Network
    plugin: GuardedPlugin
    """The network's plugin; its errors are findings."""
    ctx: Context
    facts: tuple[Fact, ...]
    remarks: tuple[Suspicion, ...]


@cache
def installed(group: str) -> Mapping[str, EntryPoint]:
    """By name, sorted. Raises: PluginError where two packages use one name."""
    return index(entry_points(group))


def index(found: Iterable[EntryPoint]) -> Mapping[str, EntryPoint]:
    by_name: dict[str, EntryPoint] = {}
    for entry in sorted(found, key=lambda entry: (entry.name, entry.value)):
        other = by_name.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise PluginError(
                f"two packages bring {entry.name!r}: {_origin(other)} and {_origin(entry)}",
                hint="uninstall one of them",
            )
    return by_name


def load_plugin(name: str) -> type[Plugin]:
    """Raises: UnknownName, PluginError."""
    loaded = _load(installed(PLUGINS), name, "network plugin")
    for method in ("detect", "guess", "settings", "create_pod", "create_node"):
        _require(loaded, method, name)
    plugin: type[Plugin] = loaded
    return plugin


def companion(ctx: Context, name: str) -> Plugin:
    """Another installed plugin with its own options, for a CNI that is made of several.

    Raises: UnknownName, PluginError, OptionError.
    """
    return load_plugin(name)(ctx.owned_by(name))


def load_provider(name: str) -> type[Provider]:
    """Raises: UnknownName, PluginError."""
    loaded = _load(installed(PROVIDERS), name, "cloud provider")
    for method in ("detect", "create_network"):
        _require(loaded, method, name)
    provider: type[Provider] = loaded
    return provider


def set_up(ctx: Context) -> Setup:
    """Raises: InputError (names, options), PluginError."""
    check_options(ctx.options.plugin)
    plugin, plugin_fact, remarks = _make_plugin(ctx)
    with_plugin = replace(ctx, chosen=plugin)
    provider, provider_fact, more = choose_provider(ctx)
    own = with_plugin.owned_by(provider_fact.value)
    network = guarded(own.owner, lambda: provider().create_network(own))
    return Setup(
        network=network,
        plugin=GuardedPlugin(network.plugin),
        ctx=with_plugin,
        facts=(plugin_fact, provider_fact, ctx.proxy_mode, ctx.cluster_cidr, *_service_cidr(ctx)),
        remarks=(*remarks, *more),
    )


def _service_cidr(ctx: Context) -> Iterator[Fact]:
    """Only where the user says it: else it is made out of addresses, if at all."""
    if networks := ctx.given_service_networks:
        yield Fact(name="service CIDR", value=", ".join(map(str, networks)), source="--service-cidr")


def _make_plugin(ctx: Context) -> tuple[Plugin, Fact, Sequence[Suspicion]]:
    """One that was not asked for by name and raises is remarked, and `any` takes its place."""
    chosen, fact, remarks = choose_plugin(ctx)
    try:
        return guarded(fact.value, lambda: chosen(ctx.owned_by(fact.value))), fact, remarks
    except PluginError as error:
        if ctx.options.network_plugin or fact.value == FALLBACK_PLUGIN:
            raise
        instead = Detected(FALLBACK_PLUGIN, f"{fact.value}, which this cluster has, cannot be used")
        remark = _unusable(PLUGINS, fact.value, error, "is not used")
    plugin = load_plugin(FALLBACK_PLUGIN)(ctx.owned_by(FALLBACK_PLUGIN))
    return plugin, _fact("network plugin", instead, ()), (*remarks, remark)


def choose_plugin(ctx: Context) -> tuple[type[Plugin], Fact, Sequence[Suspicion]]:
    """The one that was asked for, else the one that the objects tell, else one that guesses, else `any`."""
    if ctx.options.network_plugin:
        name = ctx.options.network_plugin
        return load_plugin(name), Fact(name="network plugin", value=name, source="--network-plugin"), ()
    remarks: list[Suspicion] = []
    plugins = _usable(PLUGINS, FALLBACK_PLUGIN, load_plugin, remarks)
    told = _answers(ctx, PLUGINS, {name: plugin.detect for name, plugin in plugins.items()}, remarks)
    found = told or _answers(ctx, PLUGINS, {name: plugin.guess for name, plugin in plugins.items()}, remarks)
    if not found:
        none = Detected(FALLBACK_PLUGIN, "no plugin knows the CNI of this cluster")
        return load_plugin(FALLBACK_PLUGIN), _fact("network plugin", none, ()), remarks
    sure = [detected for detected in found if not detected.general]
    best, *rivals = sure or found
    return load_plugin(best.value), _fact("network plugin", best, rivals), remarks


def choose_provider(ctx: Context) -> tuple[type[Provider], Fact, Sequence[Suspicion]]:
    """The one that was asked for, else the first that knows the nodes, else `generic`."""
    if ctx.options.cloud_provider:
        name = ctx.options.cloud_provider
        return load_provider(name), Fact(name="cloud provider", value=name, source="--cloud-provider"), ()
    remarks: list[Suspicion] = []
    providers = _usable(PROVIDERS, FALLBACK_PROVIDER, load_provider, remarks)
    found = _answers(ctx, PROVIDERS, {name: one.detect for name, one in providers.items()}, remarks)
    if not found:
        none = Detected(FALLBACK_PROVIDER, "no provider knows this cloud")
        return load_provider(FALLBACK_PROVIDER), _fact("cloud provider", none, ()), remarks
    best, *rivals = found
    return load_provider(best.value), _fact("cloud provider", best, rivals), remarks


def _usable(group: str, fallback: str, load: Callable[[str], T], remarks: list[Suspicion]) -> Mapping[str, T]:
    """All of a group but the fallback; one that cannot be loaded is remarked."""
    found: dict[str, T] = {}
    for name in installed(group):
        try:
            found |= {} if name == fallback else {name: load(name)}
        except PluginError as error:
            remarks.append(_unusable(group, name, error))
    return found


def _answers(
    ctx: Context,
    group: str,
    questions: Mapping[str, Callable[[Context], Detected | None]],
    remarks: list[Suspicion],
) -> list[Detected]:
    """Of those that know the cluster; one that raises is remarked."""
    found = []
    for name, ask in questions.items():
        try:
            answer = guarded(name, partial(ask, ctx.owned_by(name)))
        except PluginError as error:
            remarks.append(_unusable(group, name, error))
        else:
            found += [] if answer is None else [answer]
    return found


def check_options(typed: Mapping[str, str]) -> None:
    """Of all plugins and providers: an option of one that is not chosen does nothing, but must be one.

    Raises: OptionError.
    """
    plugins, providers = installed(PLUGINS), installed(PROVIDERS)
    owners = dict.fromkeys(plugins, load_plugin) | dict.fromkeys(providers, load_provider)
    given: dict[str, dict[str, str]] = {}
    for name, value in typed.items():
        owner = max((one for one in owners if name.startswith(f"{one}-")), key=len, default="")
        if not owner:
            raise unknown_option(name, dict.fromkeys(owners))
        given.setdefault(owner, {})[name] = value
    for owner, options in given.items():
        bind(owners[owner](owner).options, owner, options)


def _load(entries: Mapping[str, EntryPoint], name: str, what: str) -> type:
    entry = entries.get(name)
    if entry is None:
        near = difflib.get_close_matches(name, entries, n=3) or list(entries)
        raise UnknownName(f"no {what} {name!r} is installed", hint=f"there is: {', '.join(near)}")
    loaded: object = guarded(f"{name} ({_origin(entry)})", entry.load)
    if not isinstance(loaded, type):
        raise PluginError(f"{what} {name!r} ({_origin(entry)}) is no class")
    return loaded


def guarded(who: str, call: Callable[[], T]) -> T:
    """Raises: SkoopError as it is, PluginError for whatever else a stranger's code raises."""
    try:
        return call()
    except SkoopError:
        raise
    except Exception as error:
        raise PluginError(f"{who} cannot be used: {type(error).__name__}: {error}") from error


def _require(loaded: type, method: str, name: str) -> None:
    if not callable(getattr(loaded, method, None)):
        raise PluginError(f"{name!r} ({loaded.__module__}:{loaded.__qualname__}) has no method {method}")


def _origin(entry: EntryPoint) -> str:
    return f"{entry.value} of {package}" if (package := entry.package) else entry.value


def _fact(name: str, detected: Detected, rivals: Sequence[Detected]) -> Fact:
    others = "; ".join(f"{rival.value} too: {rival.source}" for rival in rivals)
    return Fact(name=name, value=detected.value, source=detected.source + (f" ({others})" if others else ""))


def _unusable(
    group: str, name: str, error: PluginError, how: str = "was not asked whether it knows this cluster"
) -> Suspicion:
    what, option = _WORDS[group]
    return Suspicion(
        code="plugin.unusable",
        level=Level.INFO,
        where=Where(),
        message=f"the {what} {name} {how}: {error}",
        remedy=f"uninstall it, or name a {what} with {option}",
    )
