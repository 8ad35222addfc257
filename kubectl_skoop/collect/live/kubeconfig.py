"""Which cluster, as whom: what kubectl's flags and files say, as a configuration of the Kubernetes client."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kubectl_skoop.collect.live.pod_account import PodAccount, pod_account
from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from kubernetes.client import Configuration
    from kubernetes.config.kube_config import KubeConfigLoader

DEFAULT = "~/.kube/config"
IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
_OVERRIDDEN = "kubectl-skoop"
"""Name of the context that is made of --cluster and --user."""

_TLS = (
    *("certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify"),
    *("client-certificate", "client-certificate-data"),
)
"""Of a cluster, and of a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """kubectl's global flags; empty: the kubeconfig decides."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    user: str = ""
    impersonate: str = ""
    """`--as`."""
    groups: tuple[str, ...] = ()
    """`--as-group`."""
    timeout: float | None = None
    """`--request-timeout`, seconds; None: the default of `api.Api`."""


def configuration(
    access: Access, environment: Mapping[str, str] = os.environ
) -> "Configuration | PodAccount":
    """Raises: InputError (a file that does not exist or is broken, an unknown context, cluster or user, a
    credential plugin that fails)."""
    found = files(access.kubeconfig, environment)
    if not found:
        return pod_account(environment)
    from kubernetes.client import Configuration

    made = Configuration()
    with _explained(found):
        loader = _loader(access, found)
        _complete_server(loader)
        loader.load_and_set(made)
        _check_user(loader, made)
    return made


def context_namespace(access: Access, environment: Mapping[str, str] = os.environ) -> str:
    """Of the context, for names that bear none; empty: it does not say. Raises: InputError."""
    found = files(access.kubeconfig, environment)
    if not found:
        return ""
    with _explained(found):
        context = _loader(access, found)._current_context
        return str(context["context"].safe_get("namespace") or "") if context is not None else ""


def _loader(access: Access, found: "Sequence[Path]") -> "KubeConfigLoader":
    from kubernetes.config.kube_config import ConfigNode, KubeConfigLoader, KubeConfigMerger

    merged = KubeConfigMerger(os.pathsep.join(map(str, found))).config
    context = access.context or None
    if access.cluster or access.user:
        overridden = _overridden(merged.value, access)
        merged.value["contexts"].append(ConfigNode(str(found[0]), overridden, str(found[0])))
        context = _OVERRIDDEN
    return KubeConfigLoader(config_dict=merged, active_context=context)


@contextmanager
def _explained(found: "Sequence[Path]") -> Iterator[None]:
    """What the client raises for a kubeconfig, as one line that names the file."""
    from kubernetes.config import ConfigException
    from yaml import YAMLError

    try:
        yield
    except (ConfigException, YAMLError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"kubeconfig {_named(found)}: {_plain(error)}") from error


def files(given: str, environment: Mapping[str, str]) -> Sequence[Path]:
    """The kubeconfig files to merge; none: this runs in a pod, which has an account.

    As kubectl does, files of the list KUBECONFIG that do not exist are passed over, unless none does.
    Raises: InputError.
    """
    if given:
        path = Path(given).expanduser()
        if not path.is_file():
            raise InputError(f"--kubeconfig {given}: no such file")
        return [path]
    listed = environment.get("KUBECONFIG", "")
    if listed:
        paths = [Path(path).expanduser() for path in listed.split(os.pathsep) if path]
        existing = [path for path in paths if path.is_file()]
        if not existing:
            raise InputError(f"KUBECONFIG={listed}: no such file", hint="or name a file with --kubeconfig")
        return existing
    default = Path(DEFAULT).expanduser()
    if default.is_file():
        return [default]
    if IN_CLUSTER in environment:
        return []
    raise InputError(
        f"no cluster to ask: there is no {DEFAULT}, and this is no pod",
        hint="--kubeconfig FILE, KUBECONFIG, or --snapshot FILE for a saved state",
    )


def _complete_server(loader: "KubeConfigLoader") -> None:
    """Without a scheme kubectl takes https where the cluster or the user has something of TLS, else http."""
    cluster, user = loader._cluster, loader._user
    if cluster is None:
        return
    server = cluster.safe_get("server")
    if isinstance(server, str) and server and "://" not in server:
        tls = [one.safe_get(key) for one in (cluster, user) if one for key in _TLS]
        cluster.value["server"] = f"{'https' if any(tls) else 'http'}://{server}"


def _overridden(merged: Mapping[str, object], access: Access) -> dict[str, object]:
    contexts = merged.get("contexts")
    current = access.context or merged.get("current-context")
    inner: dict[str, object] = {}
    for entry in contexts if isinstance(contexts, list) else []:
        value = getattr(entry, "value", None) or {}
        if value.get("name") == current:
            inner = dict(value.get("context") or {})
    inner |= {"cluster": access.cluster} if access.cluster else {}
    inner |= {"user": access.user} if access.user else {}
    return {"name": _OVERRIDDEN, "context": inner}


def _check_user(loader: "KubeConfigLoader", made: "Configuration") -> None:
    """The client passes over a user that does not exist, and a credential plugin that fails, and goes on as
    nobody."""
    context = loader._current_context
    named = context["context"].safe_get("user") if context is not None else None
    user = loader._user
    if named and user is None:
        raise InputError(f"the kubeconfig has no user {named}")
    if user is not None and "exec" in user and not made.api_key.get("BearerToken") and not made.cert_file:
        command = user["exec"].safe_get("command")
        raise InputError(f"the credential plugin {command} of the kubeconfig gave no credentials")


def _named(found: Sequence[Path]) -> str:
    return os.pathsep.join(map(str, found))


def _plain(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
