"""Reading the parsed JSON of `nft -j`, which is untrusted: what does not fit is Unmodelled."""

from collections.abc import Sequence

from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled


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


def words(value: object) -> tuple[str, ...]:
    """A string or a list of strings, as nft prints flags."""
    if value is None:
        return ()
    listed = value if isinstance(value, list) else [value]
    return tuple(str(each) for each in listed)
