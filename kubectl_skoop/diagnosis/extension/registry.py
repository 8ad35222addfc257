"""Which plugins and providers are installed, and which of them fit this cluster.

Ours and a stranger's come the same way: by entry points, and only what is asked for is imported.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass, replace
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

from kubectl_skoop.cluster.raw import Ref
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.declared import check_fields, checked
from kubectl_skoop.diagnosis.extension.entry_point import EntryPoint, entry_points
from kubectl_skoop.diagnosis.extension.guard import FAILURES, GuardedPlugin, told
from kubectl_skoop.diagnosis.extension.interface import (
    Detected,
    InfraShim,
    Network,
    Plugin,
    Provider,
    Wants,
)
from kubectl_skoop.diagnosis.extension.options import bind, options_of, unknown_option
from kubectl_skoop.diagnosis.result import Fact
from kubectl_skoop.model.errors import InputError, SkoopError, UnknownName
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.suspicion import Level, Suspicion

T = TypeVar("T")

PLUGINS, PROVIDERS = "kubectl_skoop.plugins", "kubectl_skoop.providers"
FALLBACK_PLUGIN, FALLBACK_PROVIDER = "any", "generic"
AGAIN = " (again)"
"""Behind a name of ours that other packages bring, too."""
_DECLARED: Mapping[str, type] = {"wants": Wants, "options": type}
_WORDS = {PLUGINS: ("plugin", "--network-plugin"), PROVIDERS: ("provider", "--cloud-provider")}


class PluginError(InputError):
    """A plugin or provider that is installed, but cannot be used."""


class Setup(NamedTuple):
    """What a diagnosis runs on, and why."""

    network: Network
    plugin: GuardedPlugin
    """The network's plugin; its errors are findings."""
    ctx: Context
    agent: Ref | None
    """The DaemonSet that sets the nodes up; None: no object tells one (k3s has flannel built in)."""
    facts: tuple[Fact, ...]
    remarks: tuple[Suspicion, ...]


class Clash(EntryPoint):
    """Of several packages with one name, all of which its value has: none is loaded."""

    __slots__ = ()

    def load(self) -> object:
        """Raises: PluginError."""
        raise PluginError(
            f"several packages bring {self.name!r}: {self.value}", hint="uninstall all but one of them"
        )


@cache
def installed(group: str) -> Mapping[str, EntryPoint]:
    """By name, sorted."""
    return index(entry_points(group))


def index(found: Iterable[EntryPoint]) -> Mapping[str, EntryPoint]:
    """Of several with one name ours stands, and `NAME (again)` says that there are others."""
    by_name: dict[str, dict[str, EntryPoint]] = {}
    for entry in sorted(found, key=lambda entry: (entry.name, not entry.ours, entry.value)):
        by_name.setdefault(entry.name, {}).setdefault(entry.value, entry)
    indexed: dict[str, EntryPoint] = {}
    for name, alike in by_name.items():
        first, *others = alike.values()
        if not others or first.ours:
            indexed[name] = first
        if others:
            value = " and ".join(map(_origin, alike.values()))
            indexed[name + AGAIN if first.ours else name] = Clash(name, value, first.group)
    return indexed


def load_plugin(name: str) -> type[Plugin]:
    """Raises: UnknownName, PluginError."""
    loaded = _load(installed(PLUGINS), name, "network plugin")
    for method in ("detect", "guess", "settings", "serves_services", "create_pod", "create_node"):
        _require(loaded, method, name)
    _require_attributes(loaded, {"enforces": frozenset, "companions": tuple, **_DECLARED}, name)
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
    _require_attributes(loaded, _DECLARED, name)
    provider: type[Provider] = loaded
    return provider


def each(group: str) -> Iterator[tuple[str, type[Plugin] | type[Provider] | PluginError]]:
    """All that are installed, or why one cannot be used."""
    load = load_plugin if group == PLUGINS else load_provider
    for name in installed(group):
        try:
            loaded = load(name)
            guarded(name, partial(options_of, loaded.options, name))
        except PluginError as error:
            yield name, error
        else:
            yield name, loaded


def set_up(ctx: Context) -> Setup:
    """Raises: InputError (names, options), PluginError."""
    check_options(ctx.options.plugin)
    plugin, plugin_fact, remarks = _make_plugin(ctx)
    with_plugin = replace(ctx, chosen=plugin)
    provider, provider_fact, more = choose_provider(ctx)
    own = with_plugin.owned_by(provider_fact.value)
    network = guarded(own.owner, lambda: _network(provider(), own))
    return Setup(
        network=network,
        plugin=GuardedPlugin(network.plugin),
        ctx=with_plugin,
        agent=_agent(ctx, plugin_fact.value, plugin),
        facts=(plugin_fact, provider_fact, ctx.proxy_mode, ctx.cluster_cidr, *_service_cidr(ctx)),
        remarks=(*remarks, *more),
    )


def _agent(ctx: Context, name: str, plugin: Plugin) -> Ref | None:
    """Asked for by name or not; of one that raises it is remarked elsewhere."""
    try:
        found = guarded(name, partial(_answer, name, plugin.detect, ctx.owned_by(name)))
    except PluginError:
        return None
    return found.agent if found is not None else None


def _network(provider: Provider, ctx: Context) -> Network:
    """Raises: TypeError, and whatever a stranger's code does."""
    network: object = provider.create_network(ctx)
    if not isinstance(network, Network) or not isinstance(network.shim, InfraShim):
        raise TypeError(f"{network!r} is no Network with an InfraShim")
    return network


def _service_cidr(ctx: Context) -> Iterator[Fact]:
    """Only where the user says it: else it is made out of addresses, if at all."""
    if networks := ctx.given_service_networks:
        yield Fact(name="service CIDR", value=", ".join(map(str, networks)), source="--service-cidr")


def _make_plugin(ctx: Context) -> tuple[Plugin, Fact, Sequence[Suspicion]]:
    """One that was not asked for by name and raises is remarked, and `any` takes its place."""
    chosen, fact, remarks = choose_plugin(ctx)
    try:
        return guarded(fact.value, lambda: _made(chosen, ctx.owned_by(fact.value))), fact, remarks
    except PluginError as error:
        if ctx.options.network_plugin or fact.value == FALLBACK_PLUGIN:
            raise
        instead = Detected(FALLBACK_PLUGIN, f"{fact.value}, which this cluster has, cannot be used")
        remark = _unusable(PLUGINS, fact.value, error, "is not used")
    plugin = load_plugin(FALLBACK_PLUGIN)(ctx.owned_by(FALLBACK_PLUGIN))
    return plugin, _fact("network plugin", instead, ()), (*remarks, remark)


def _made(chosen: type[Plugin], ctx: Context) -> Plugin:
    """What the walk itself asks of it is read here once, where it may raise."""
    plugin = chosen(ctx)
    bool(plugin.pods_in_underlay)
    return plugin


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
            answer = guarded(name, partial(_answer, name, ask, ctx.owned_by(name)))
        except PluginError as error:
            remarks.append(_unusable(group, name, error))
        else:
            found += [] if answer is None else [answer]
    return found


def _answer(name: str, ask: Callable[[Context], Detected | None], ctx: Context) -> Detected | None:
    """Raises: TypeError, ValueError, and whatever a stranger's code does."""
    answer = ask(ctx)
    if answer is not None and checked(answer, Detected).value != name:
        raise ValueError(f"it says of the cluster that it has {answer.value!r}")
    return answer


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
        guarded(owner, partial(bind, owners[owner](owner).options, owner, options))


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
    except FAILURES as error:
        raise PluginError(f"{who} cannot be used: {told(error)}") from error


def _require(loaded: type, method: str, name: str) -> None:
    if not callable(getattr(loaded, method, None)):
        raise PluginError(f"{name!r} ({loaded.__module__}:{loaded.__qualname__}) has no method {method}")


def _require_attributes(loaded: Any, kinds: Mapping[str, type], name: str) -> None:
    who = f"{name} ({loaded.__module__}:{loaded.__qualname__})"
    for attribute, kind in kinds.items():
        found = getattr(loaded, attribute, None)
        if not isinstance(found, kind):
            raise PluginError(f"{who}: its {attribute} are {found!r}, not of type {kind.__name__}")
    guarded(who, lambda: check_fields(loaded.wants))
    if not is_dataclass(loaded.options):
        raise PluginError(f"{who}: its options are no dataclass")


def _origin(entry: EntryPoint) -> str:
    return f"{entry.value} of {package}" if (package := entry.package) else entry.value


def _fact(name: str, detected: Detected, rivals: Sequence[Detected]) -> Fact:
    others = "; ".join(f"{rival.value} too: {rival.source}" for rival in rivals)
    return Fact(name=name, value=detected.value, source=detected.source + (f" ({others})" if others else ""))


def unspoken(facts: Sequence[Fact]) -> Sequence[Suspicion]:
    """What `any` could not know, where it stands for a plugin."""
    fact = next(fact for fact in facts if fact.name == "network plugin")
    if fact.value != FALLBACK_PLUGIN:
        return ()
    return [
        Suspicion(
            code="plugin.none",
            level=Level.INFO,
            where=Where(),
            message="no plugin speaks for this CNI: which devices, routes, neighbours and rules it wants is "
            "not known, and was not compared",
            evidence=(f"network plugin: {fact.value} (from {fact.source})",),
            remedy="name one that fits with --network-plugin, or write one: docs/write-a-plugin.md",
        )
    ]


def _unusable(
    group: str, name: str, error: PluginError, how: str = "was not asked whether it knows this cluster"
) -> Suspicion:
    what, option = _WORDS[group]
    return Suspicion(
        code="plugin.unusable",
        level=Level.INFO,
        where=Where(),
        message=f"the {what} {name} {how}: {error}",
        remedy=error.hint or f"uninstall it, or name a {what} with {option}",
    )
