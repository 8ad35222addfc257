"""What the user must be allowed to do, and whether he is (SelfSubjectAccessReview)."""

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import NamedTuple

from kubectl_skoop.cluster.allow import Allowed, config_maps, wanted
from kubectl_skoop.cluster.raw import flag
from kubectl_skoop.collect.live.api import Api, Body
from kubectl_skoop.collect.live.errors import Forbidden

_RBAC = "rbac.authorization.k8s.io"
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
READ = (
    ("", "nodes"),
    ("", "pods"),
    ("", "services"),
    ("", "namespaces"),
    ("discovery.k8s.io", "endpointslices"),
)
"""Lists over all namespaces that a diagnosis cannot do without."""

_PLAIN = ("apps", "discovery.k8s.io", "networking.k8s.io")
"""API groups of which a few kinds are wanted; of the others, which are all about networks, any."""


class Right(NamedTuple):
    """One verb on one kind of object."""

    verb: str
    group: str
    resource: str
    """With its subresource: `pods/exec`."""
    namespace: str = ""
    """Empty: in all, or an object that lives in none."""
    name: str = ""
    """Empty: all of the kind."""

    def __str__(self) -> str:
        group = f" ({self.group})" if self.group else ""
        which = f" {self.name}" if self.name else ""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{which}{group}{where}"

    def attributes(self) -> Body:
        resource, _, subresource = self.resource.partition("/")
        named = {
            "verb": self.verb,
            "group": self.group,
            "resource": resource,
            "subresource": subresource,
            "namespace": self.namespace,
            "name": self.name,
        }
        return {key: value for key, value in named.items() if value}

    def rule(self) -> Body:
        """Of a Role or ClusterRole that grants it."""
        names = {"resourceNames": [self.name]} if self.name else {}
        return {"apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb], **names}


def reading() -> tuple[Right, ...]:
    """To gather the objects. Other kinds that may not be listed are gaps in the answer."""
    return tuple(Right("list", group, resource) for group, resource in READ)


def collecting(namespace: str, *, makes_namespace: bool) -> tuple[Right, ...]:
    """To run collector pods in a namespace."""
    own = (Right("create", "", "namespaces"), Right("delete", "", "namespaces")) if makes_namespace else ()
    return (
        *own,
        Right("create", "batch", "jobs", namespace),
        Right("list", "batch", "jobs", namespace),
        Right("deletecollection", "batch", "jobs", namespace),
        Right("delete", "batch", "jobs", namespace),
        Right("list", "", "pods", namespace),
        Right("deletecollection", "", "pods", namespace),
        Right("get", "", "pods/exec", namespace),
        Right("create", "", "pods/exec", namespace),
        Right("list", "", "events", namespace),
    )


def beside(allowed: Allowed) -> tuple[Right, ...]:
    """What else a snapshot holds, where it may be read."""
    names = dict.fromkeys(name.partition("/")[2] for name in config_maps(allowed))
    groups = {group for group, _ in wanted(allowed)} - {"", *_PLAIN}
    return (
        Right("list", "", "endpoints"),
        Right("list", "apps", "daemonsets"),
        Right("list", "networking.k8s.io", "networkpolicies"),
        Right("list", "networking.k8s.io", "servicecidrs"),
        *(Right("list", group, "*") for group in sorted(groups)),
        *(Right("get", "", "configmaps", name=name) for name in names),
    )


def gathering(namespace: str, *, makes_account: bool) -> tuple[Right, ...]:
    """To have the cluster gather a snapshot. `makes_account`: and the account that it does it with."""
    made = ("roles", "rolebindings") if makes_account else ()
    everywhere = ("clusterroles", "clusterrolebindings") if makes_account else ()
    return (
        *((Right("create", "", "serviceaccounts", namespace),) if makes_account else ()),
        *(Right("create", _RBAC, kind, namespace) for kind in made),
        *(Right("create", _RBAC, kind) for kind in everywhere),
        *collecting(namespace, makes_namespace=makes_account),
    )


def held(api: Api, rights: Iterable[Right], workers: Executor) -> tuple[Right, ...]:
    """Those that the user has. Raises: ClusterError."""
    asked = tuple(rights)
    allowed = workers.map(lambda right: _allowed(api, right), asked)
    return tuple(right for right, yes in zip(asked, allowed, strict=True) if yes)


def require(api: Api, rights: Iterable[Right], workers: Executor) -> None:
    """Raises: Forbidden, which names all that are missing."""
    asked = tuple(rights)
    has = frozenset(held(api, asked, workers))
    missing = [right for right in asked if right not in has]
    if missing:
        raise Forbidden(
            f"you may not: {'; '.join(map(str, missing))}",
            hint="nothing was made in the cluster; docs/live.md has the roles that are needed",
        )


def _allowed(api: Api, right: Right) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": right.attributes()},
    }
    return flag(api.create(_REVIEWS, review), "status", "allowed")
