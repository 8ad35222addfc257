"""What is kept of the cloud's answers: an allow-list, so that no secret can be in a snapshot."""

from collections.abc import Mapping

from kubectl_skoop.providers.aliyun.balancer_kinds import BALANCER_KINDS
from kubectl_skoop.providers.aliyun.vpc_kinds import VPC_KINDS
from kubectl_skoop.providers.allow_list import Item, Kind, allowed

KINDS: Mapping[str, Kind] = {**VPC_KINDS, **BALANCER_KINDS}
_COMPOSED: Mapping[str, tuple[str, ...]] = {
    "Listeners": ("LoadBalancerId", "ListenerProtocol", "ListenerPort"),
    "RouteEntries": ("RouteTableId", "DestinationCidrBlock"),
    "Servers": ("ServerGroupId", "ServerId", "ServerIp", "Port"),
}
"""Fields that make the key of what has no id of its own; the first must be there."""


def kept(kind: str, item: Item) -> Item:
    """What of an item goes into a snapshot, with its key.

    Raises: ValueError (a field of another type than the API's, or an item that nothing names).
    """
    found = allowed(item, KINDS[kind].fields, kind)
    key = KINDS[kind].key
    parts = _COMPOSED.get(kind)
    if parts is not None:
        found[key] = " ".join(str(found.get(part, "")) for part in parts)
    if not isinstance(found.get(parts[0] if parts else key), str):
        raise ValueError(f"an entry of {kind} has no {parts[0] if parts else key}")
    return found
