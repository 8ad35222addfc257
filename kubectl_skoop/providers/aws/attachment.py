"""VPCs at transit gateways: their attachments, with the subnets that packets go in and come out by."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kubectl_skoop.api import Unknown, raw
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.aws.inventory import Inventory, named

_KIND = "TransitGatewayVpcAttachments"
_GONE = ("deleted", "deleting", "rejected", "failed")
WORKING = ("available", "modifying")
"""States of attachments and gateways that carry packets."""
_ZONE = re.compile(r"[a-z]{2}(-[a-z]+)+-\d[a-z]")
"""An availability zone; a Local Zone's name is longer, and it has no transit gateway of its own."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """Of a VPC to a transit gateway."""

    item: Item

    @property
    def id(self) -> str:
        return raw.text(self.item, "TransitGatewayAttachmentId")

    @property
    def name(self) -> str:
        return named(self.item, "TransitGatewayAttachmentId")

    @property
    def vpc(self) -> str:
        return raw.text(self.item, "VpcId")

    @property
    def gateway(self) -> str:
        return raw.text(self.item, "TransitGatewayId")

    @property
    def state(self) -> str:
        return raw.text(self.item, "State")

    @property
    def works(self) -> bool:
        return self.state in WORKING

    @property
    def subnets(self) -> Sequence[str]:
        """One for each of its availability zones."""
        return raw.texts(self.item, "SubnetIds")

    @property
    def appliance(self) -> bool:
        """Packets come out in whichever zone the gateway chose for the connection."""
        return raw.text(self.item, "Options", "ApplianceModeSupport") == "enable"

    @property
    def without_ipv6(self) -> bool:
        return raw.text(self.item, "Options", "Ipv6Support") == "disable"


def attachments(known: Inventory, gateway: str) -> Sequence[Attachment]:
    """Of VPCs to the gateway, as far as they were collected."""
    found = map(Attachment, known.known(_KIND))
    return [one for one in found if one.gateway == gateway]


def attachment_of(known: Inventory, gateway: str, vpc: str) -> Attachment | Unknown | None:
    """One that works comes first, one that is gone last; None: the VPC has none."""
    found = [one for one in attachments(known, gateway) if one.vpc == vpc]
    if found:
        return min(found, key=lambda one: (not one.works, one.state in _GONE))
    whole = known.whole(_KIND)
    return whole if isinstance(whole, Unknown) else None


def table_of(known: Inventory, attachment: str) -> str | Unknown:
    """The route table of the gateway that its packets are routed by; empty: none."""
    item = known.one("TransitGatewayAttachments", attachment)
    if isinstance(item, Unknown):
        return item
    associated = raw.text(item, "Association", "State") == "associated"
    return raw.text(item, "Association", "TransitGatewayRouteTableId") if associated else ""


def zone_of(known: Inventory, subnet: str) -> str | Unknown:
    """By its id, which all accounts have alike, else by its name; Unknown for a Local Zone."""
    item = known.one("Subnets", subnet)
    if isinstance(item, Unknown):
        return item
    name = raw.text(item, "AvailabilityZone")
    if name and not _ZONE.fullmatch(name):
        return Unknown(f"{subnet} is in {name}, whose way to a transit gateway is not modelled")
    return raw.text(item, "AvailabilityZoneId") or name or Unknown(f"the zone of {subnet} is not known")


def entrance(known: Inventory, attachment: Attachment, subnet: str) -> str | Unknown | None:
    """The attachment's subnet in the sender's zone; None: there is none, and nothing gets to the gateway."""
    zone = zone_of(known, subnet)
    if isinstance(zone, Unknown):
        return zone
    zones = {each: zone_of(known, each) for each in attachment.subnets}
    found = next((each for each, other in zones.items() if other == zone), None)
    return found or next((one for one in zones.values() if isinstance(one, Unknown)), None)


def exits(known: Inventory, attachment: Attachment, entered: str) -> Sequence[str]:
    """Where packets may come out: in the zone that they came from, or where the VPC has no subnet there, or
    appliance mode is on, in any. `entered`: the subnet of the other attachment that they went in by."""
    same = entrance(known, attachment, entered)
    return [same] if isinstance(same, str) and not attachment.appliance else attachment.subnets


def references(known: Inventory, gateway: str, *attachments: Attachment) -> str | Unknown:
    """Why rules cannot refer to groups of the other VPC; empty: they can. It is off unless it was enabled."""
    item = known.one("TransitGateways", gateway)
    if isinstance(item, Unknown):
        return item
    for name, each in ((gateway, item), *((one.name, one.item) for one in attachments)):
        support = raw.text(each, "Options", "SecurityGroupReferencingSupport")
        if not support:
            return Unknown(f"whether {name} supports references to security groups is not known")
        if support != "enable":
            return f"{name} has SecurityGroupReferencingSupport: {support}"
    return ""
