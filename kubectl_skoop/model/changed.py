"""Changed copies of frozen data, many of which are made in a walk."""

from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["changed"]

T = TypeVar("T")

if TYPE_CHECKING:
    from dataclasses import replace as changed
else:

    def changed(item: T, **changes: Any) -> T:
        """As `dataclasses.replace`, at a tenth of the time, which for a packet goes into setting each of its
        fields. For frozen dataclasses without slots that hold nothing but their fields.
        """
        copy = object.__new__(type(item))
        copy.__dict__.update(item.__dict__, **changes)
        if len(copy.__dict__) != len(item.__dict__):
            raise TypeError(f"{type(item).__name__} has no field {', '.join(changes.keys() - vars(item))}")
        return copy
