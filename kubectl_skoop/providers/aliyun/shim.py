"""The VPC as the underlay of the nodes."""

from collections.abc import Callable

from kubectl_skoop.api import Address
from kubectl_skoop.providers.aliyun import balancers, crossing, whole
from kubectl_skoop.providers.aliyun.inventory import Inventory
from kubectl_skoop.providers.vpc_shim import Section, VpcShim


def shim(
    section: Callable[[], Section], exposed: Callable[[], frozenset[Address]] = frozenset
) -> VpcShim[Inventory]:
    """See `VpcShim`."""
    return VpcShim(
        provider="aliyun",
        cloud=Inventory.cloud,
        read=Inventory,
        crossing=crossing,
        balancers=balancers,
        whole=whole,
        section=section,
        exposed=exposed,
    )
