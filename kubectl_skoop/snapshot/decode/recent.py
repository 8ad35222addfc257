"""The lists of the iptables match `recent`."""

from typing import TYPE_CHECKING

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.snapshot.decode.entry import Entry, table_map

if TYPE_CHECKING:
    from kubectl_skoop.netstack.netfilter.recent import RecentLists


def decode_recent(data: object) -> "RecentLists | None":
    """None: there are lists, but not the time that their stamps are compared with."""
    root = Entry(table_map(data, "$.xt_recent"), "$.xt_recent")
    lists = Entry(table_map(root.fields.get("lists"), "$.xt_recent.lists"), "$.xt_recent.lists")
    if not lists.fields:
        return {}
    if root.fields.get("jiffies") is None:
        return None
    from kubectl_skoop.netstack.netfilter.recent import parse_recent

    texts = {name: lists.text(name) for name in lists.fields}
    try:
        return parse_recent(texts, root.number("jiffies"))
    except ValueError as error:
        raise FormatError(f"$.xt_recent.lists: {error}") from None
