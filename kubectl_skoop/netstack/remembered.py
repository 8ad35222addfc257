"""What functions made out of a namespace, kept with it: it never changes, and the next packet asks again."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from kubectl_skoop.netstack.namespace import NetworkNamespace

P = ParamSpec("P")
R = TypeVar("R")


def remembered(
    make: Callable[Concatenate[NetworkNamespace, P], R],
) -> Callable[Concatenate[NetworkNamespace, P], R]:
    """For pure functions of a namespace and what there are few of, such as devices and settings."""

    @wraps(make)
    def known(ns: NetworkNamespace, /, *args: P.args, **kwargs: P.kwargs) -> R:
        key = (make, *args, *kwargs.items())
        if key not in ns.remembered:
            ns.remembered[key] = make(ns, *args, **kwargs)
        return cast(R, ns.remembered[key])

    return known
