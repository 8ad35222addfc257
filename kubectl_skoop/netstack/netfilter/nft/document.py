"""Reading the parsed JSON of `nft -j`, which is untrusted: what does not fit is Unmodelled."""

from collections.abc import Sequence

from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled

MAX_DEPTH = 64


def single(value: object) -> tuple[str, object]:
    """The one key and value of `{"payload": {…}}`; an empty key for anything else."""
    if isinstance(value, dict) and len(value) == 1:
        ((key, body),) = value.items()
        return str(key), body
    return "", value


def field(value: object, name: str) -> object:
    """None where it is absent."""
    return value.get(name) if isinstance(value, dict) else None


def text(value: object, name: str) -> str:
    """Raises Unmodelled where it is absent."""
    found = field(value, name)
    if not isinstance(found, str):
        raise Unmodelled(f"no {name} in {value!r}")
    return found


def items(value: object) -> Sequence[object]:
    if not isinstance(value, list):
        raise Unmodelled(f"no list: {value!r}")
    return value


def pair(value: object) -> tuple[object, object]:
    listed = items(value)
    if len(listed) != 2:
        raise Unmodelled(f"no pair: {value!r}")
    return listed[0], listed[1]


def too_deep(value: object) -> bool:
    """Nested deeper than any rule that a kernel takes, so that nothing here recurses without end."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            each
            for container in level
            for each in (
                container.values()
                if isinstance(container, dict)
                else container
                if isinstance(container, list)
                else ()
            )
        ]
        if not level:
            return False
    return True


def words(value: object) -> tuple[str, ...]:
    """A string or a list of strings, as nft prints flags."""
    if value is None:
        return ()
    listed = value if isinstance(value, list) else [value]
    return tuple(str(each) for each in listed)
