"""The VPC as the underlay of the nodes."""

from collections.abc import Callable

from kubectl_skoop.providers.aws import balancers, crossing, whole
from kubectl_skoop.providers.aws.inventory import Inventory
from kubectl_skoop.providers.vpc_shim import Section, VpcShim


def shim(section: Callable[[], Section]) -> VpcShim[Inventory]:
    """See `VpcShim`; addresses of load balancers have names, so none is `exposed`."""
    return VpcShim(
        provider="aws",
        cloud=Inventory.cloud,
        read=Inventory,
        crossing=crossing,
        balancers=balancers,
        whole=whole,
        section=section,
    )
