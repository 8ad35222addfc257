"""The part of a rule that every rule has: -s -d -i -o -p -f."""

from collections.abc import Mapping
from typing import NamedTuple

from kubectl_skoop.netstack.netfilter.iptables.address import MaskedAddress, masked_address
from kubectl_skoop.netstack.netfilter.iptables.options import Options
from kubectl_skoop.netstack.netfilter.iptables.protocol import protocol_number
from kubectl_skoop.netstack.netfilter.types import RuleContext

ARITY: Mapping[str, int] = {
    "-s": 1,
    "-d": 1,
    "-i": 1,
    "-o": 1,
    "-p": 1,
    "-f": 0,
    "--source": 1,
    "--destination": 1,
    "--in-interface": 1,
    "--out-interface": 1,
    "--protocol": 1,
    "--fragment": 0,
}


class Interface(NamedTuple):
    """A device name; with a trailing `+` a prefix of one (ifname_compare_aligned)."""

    pattern: str

    def covers(self, name: str) -> bool:
        pattern = self.pattern
        return name == pattern or (pattern[-1:] == "+" and name.startswith(pattern[:-1]))


class HeaderMatch(NamedTuple):
    """Kernel: ip_tables.c, ip_packet_match; ip6_tables.c, ip6_packet_match."""

    source: MaskedAddress | None = None
    not_source: bool = False
    destination: MaskedAddress | None = None
    not_destination: bool = False
    indev: Interface | None = None
    not_indev: bool = False
    outdev: Interface | None = None
    not_outdev: bool = False
    protocol: int = 0
    """0: any."""
    not_protocol: bool = False
    fragment: bool | None = None
    """True: second and further fragments only; False: all but these."""

    def matches(self, ctx: RuleContext) -> bool:
        packet = ctx.packet
        if self.destination is not None and self.destination.contains(packet.dst) == self.not_destination:
            return False
        if self.source is not None and self.source.contains(packet.src) == self.not_source:
            return False
        if self.protocol and (packet.protocol == self.protocol) == self.not_protocol:
            return False
        if self.indev is not None and self.indev.covers(device_name(ctx, ctx.indev)) == self.not_indev:
            return False
        if self.outdev is not None and self.outdev.covers(device_name(ctx, ctx.outdev)) == self.not_outdev:
            return False
        return self.fragment is None or (packet.fragment_offset != 0) == self.fragment


def device_name(ctx: RuleContext, index: int) -> str:
    """Empty where the hook has no such device, as the kernel's nulldevname."""
    device = ctx.stack.ns.devices.get(index) if index else None
    return device.name if device is not None else f"if{index}" if index else ""


def parse_header(options: Options) -> HeaderMatch:
    source = options.find("-s", "--source")
    destination = options.find("-d", "--destination")
    indev = options.find("-i", "--in-interface")
    outdev = options.find("-o", "--out-interface")
    protocol = options.find("-p", "--protocol")
    fragment = options.find("-f", "--fragment")
    return HeaderMatch(
        source=masked_address(source.values[0], options.family) if source else None,
        not_source=bool(source and source.negated),
        destination=masked_address(destination.values[0], options.family) if destination else None,
        not_destination=bool(destination and destination.negated),
        indev=Interface(indev.values[0]) if indev else None,
        not_indev=bool(indev and indev.negated),
        outdev=Interface(outdev.values[0]) if outdev else None,
        not_outdev=bool(outdev and outdev.negated),
        protocol=protocol_number(protocol.values[0].lower()) if protocol else 0,
        not_protocol=bool(protocol and protocol.negated),
        fragment=not fragment.negated if fragment else None,
    )
