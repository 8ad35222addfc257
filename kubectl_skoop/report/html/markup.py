"""HTML out of elements: whatever is not an element is text, and is escaped."""

from collections.abc import Iterable
from html import escape

from kubectl_skoop.report.escape import safe

Value = str | int | bool | None
"""Of an attribute. False and None: it is left out; True: it stands alone."""

_VOID = frozenset({"br", "hr", "input", "link", "meta"})


class Markup(str):
    """Text that stands in a page as it is. Only `h`, `raw` and `join` make it."""

    __slots__ = ()


def h(tag: str, *children: object, **attributes: Value) -> Markup:
    """An element. `class_` is `class`, `aria_label` is `aria-label`.

    Children are texts, elements, None, or several of these.
    """
    start = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}>"
    return Markup(start if tag in _VOID else f"{start}{join(*children)}</{tag}>")


def join(*children: object) -> Markup:
    """Children one after another."""
    return Markup("".join(map(_child, children)))


def raw(trusted: str) -> Markup:
    """Markup that this program wrote itself, out of values that it escaped."""
    return Markup(trusted)


def _child(child: object) -> str:
    match child:
        case None:
            return ""
        case Markup():
            return child
        case str():
            return escape(safe(child))
        case Iterable():
            return "".join(map(_child, child))
        case _:
            raise TypeError(f"neither text nor element: {child!r}")


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(safe(str(value)))}"'
