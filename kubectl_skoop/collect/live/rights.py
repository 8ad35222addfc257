"""What the user must be allowed to do, and whether he is (SelfSubjectAccessReview)."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

from kubectl_skoop.cluster.raw import flag
from kubectl_skoop.collect.live.api import Api, Body
from kubectl_skoop.collect.live.errors import Forbidden

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
READ = (
    ("", "nodes"),
    ("", "pods"),
    ("", "services"),
    ("", "namespaces"),
    ("discovery.k8s.io", "endpointslices"),
)
"""Lists over all namespaces that a diagnosis cannot do without."""


class Right(NamedTuple):
    """One verb on one kind of object."""

    verb: str
    group: str
    resource: str
    """With its subresource: `pods/exec`."""
    namespace: str = ""
    """Empty: in all, or an object that lives in none."""

    def __str__(self) -> str:
        group = f" ({self.group})" if self.group else ""
        return f"{self.verb} {self.resource}{group}" + (
            f" in namespace {self.namespace}" if self.namespace else ""
        )

    def attributes(self) -> Body:
        resource, _, subresource = self.resource.partition("/")
        named = {
            "verb": self.verb,
            "group": self.group,
            "resource": resource,
            "subresource": subresource,
            "namespace": self.namespace,
        }
        return {key: value for key, value in named.items() if value}


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


def require(api: Api, rights: Iterable[Right], workers: Executor) -> None:
    """Raises: Forbidden, which names all that are missing."""
    asked = tuple(rights)
    allowed = workers.map(lambda right: _allowed(api, right), asked)
    missing = [right for right, yes in zip(asked, allowed, strict=True) if not yes]
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


def described(rights: Sequence[Right]) -> str:
    return "\n".join(f"# - {right}" for right in rights)
