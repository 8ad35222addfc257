"""What all installed plugins and providers need of the objects: the allow-list of a snapshot."""

from kubectl_skoop.cluster.allow import Allowed
from kubectl_skoop.diagnosis.extension.interface import Wants
from kubectl_skoop.diagnosis.extension.registry import (
    PLUGINS,
    PROVIDERS,
    installed,
    load_plugin,
    load_provider,
)


def allowed() -> Allowed:
    """Ours, and the `wants` of everybody. Raises: PluginError (one that cannot be loaded)."""
    wants: list[Wants] = [load_plugin(name).wants for name in installed(PLUGINS)]
    wants += [load_provider(name).wants for name in installed(PROVIDERS)]
    return Allowed(
        annotations=frozenset(name for each in wants for name in each.annotations),
        config_maps=frozenset(name for each in wants for name in each.config_maps),
        kinds=frozenset(name for each in wants for name in each.kinds),
    )
