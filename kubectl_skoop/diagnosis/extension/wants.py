"""What all installed plugins and providers need of the objects: the allow-list of a snapshot."""

from collections.abc import Callable

from kubectl_skoop.cluster.allow import Allowed
from kubectl_skoop.diagnosis.extension.registry import PLUGINS, PROVIDERS, PluginError, each


def _ignore(error: PluginError) -> None:
    """A diagnosis remarks it by itself."""


def allowed(unusable: Callable[[PluginError], None] = _ignore) -> Allowed:
    """Ours, and the `wants` of everybody. `unusable` is told whose are left out, and why."""
    wants = []
    for _, found in (*each(PLUGINS), *each(PROVIDERS)):
        if isinstance(found, PluginError):
            unusable(found)
        else:
            wants.append(found.wants)
    return Allowed(
        annotations=frozenset(name for one in wants for name in one.annotations),
        config_maps=frozenset(name for one in wants for name in one.config_maps),
        kinds=frozenset(name for one in wants for name in one.kinds),
    )
