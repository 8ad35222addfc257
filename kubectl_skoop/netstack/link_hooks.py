"""nftables chains of the families bridge, netdev and arp: recorded, not walked, so both ways are followed."""

from typing import Literal

from kubectl_skoop.model.packet import Frame
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Stack


def passes(
    stack: Stack, family: Literal["bridge", "netdev", "arp"], hook: str, device: Device, frame: Frame
) -> bool:
    """Whether the chains at this hook let the frame by; in one branch each of them does not."""
    for chain in stack.ns.netfilter.link_chains:
        if (chain.family, chain.hook) != (family, hook) or (
            chain.devices and device.name not in chain.devices
        ):
            continue
        where = stack.where(device=device.name, table=f"{family} {chain.table}", chain=chain.chain)
        if chain.policy == "drop" and not chain.rules:
            message = f"the policy of {family} {chain.table} {chain.chain} (nft) drops the frame"
            stack.lose("netfilter.drop", frame, message, where=where, evidence=["policy drop"])
            return False
        reason = f"chain {chain.chain} of table {family} {chain.table} may decide at {hook} of {device.name}"
        if not stack.choices.undecided(Unknown(reason)):
            stack.lose("bridge.program", frame, reason, where=where, evidence=chain.rules)
            return False
    return True
