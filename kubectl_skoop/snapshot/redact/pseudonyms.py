"""Everything that is replaced, by one key: what stands in a text is told by its form."""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv6Address, ip_address, ip_network, summarize_address_range

from kubectl_skoop.model.packet import Address, Network
from kubectl_skoop.snapshot.redact.address import AddressMap
from kubectl_skoop.snapshot.redact.mac import WRITTEN, MacMap
from kubectl_skoop.snapshot.redact.name import NameMap

_VERSION = re.compile(r"v?\d+(?:\.\d+)*")
_PORT = r"\d{1,5}(?:-\d{1,5})?(?:/\d{1,5})?"
_WITH_PORT = re.compile(rf"(\[[0-9a-fA-F:.]+\]|[0-9.]+(?:-[0-9.]+)?|):({_PORT})")
MOST_MASKED = 65_536
"""Addresses and networks as they are written, that are remembered: those of 10,000 services first."""


class NotKept(ValueError):
    """A text whose meaning a pseudonym cannot keep; it says of what kind it is, not what it is."""


class Pseudonyms:
    """`networks`, `hosts`: see AddressMap. `names`: pseudonyms that are fixed already."""

    def __init__(
        self,
        key: bytes,
        networks: Iterable[Network] = (),
        hosts: Iterable[IPv6Address] = (),
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.addresses = AddressMap(key, networks, hosts)
        self.macs = MacMap(key, self.addresses)
        self.names = NameMap(key, names)
        self.rules: dict[str, str] = {}
        """Rules of iptables without counters, as they are written now: nodes have the same ones."""
        self.rows: dict[bytes, object] = {}
        """Rows of netlink without ages, packed, as they are written now."""
        self._masked: dict[str, str] = {}

    def forget(self) -> None:
        """For when all is written: what stands for what, and what was kept to write it sooner. Addresses and
        the names of objects are replaced by the same as before, those of devices and sets need not be."""
        self.rules.clear()
        self.rows.clear()
        self._masked.clear()
        self.addresses.changed.clear()
        self.macs.changed.clear()
        self.names.forget()

    def changed(self) -> dict[str, dict[str, str]]:
        """What stands for what, of everything that was replaced so far."""
        return {
            "addresses": {str(address): str(new) for address, new in self.addresses.changed.items()},
            "macs": dict(self.macs.changed),
            "names": dict(self.names.changed),
        }

    def address(self, text: str) -> str:
        """One address. Raises: ValueError."""
        address = ip_address(text)
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            raise ValueError("a scope")
        return _as_written(self.addresses.address(address), text)

    def masked(self, text: str) -> str:
        """`ADDRESS`, `ADDRESS/LENGTH` (of a network, or of a host in it) or `ADDRESS/MASK`.

        Raises: ValueError; NotKept where the mask has holes.
        """
        found = self._masked.get(text)
        if found is None:
            found = self._mask(text)
            if len(self._masked) < MOST_MASKED:
                self._masked[text] = found
        return found

    def _mask(self, text: str) -> str:
        address, slash, mask = text.partition("/")
        if not slash:
            return self.address(text)
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            ip_address(mask)
            raise NotKept("a mask with holes") from None
        if network.network_address == ip_address(address):
            return f"{_as_written(self.addresses.network(network).network_address, address)}/{mask}"
        return f"{self.address(address)}/{mask}"

    def networks_of(self, text: str) -> Iterator[Network]:
        """`LOW-HIGH` as networks: order is not kept, containment is. Raises: ValueError."""
        low, _, high = text.partition("-")
        first, last = ip_address(low), ip_address(high)
        if first.version != last.version:
            raise ValueError("a range of two families")
        for network in summarize_address_range(first, last):
            yield self.addresses.network(network)

    def interval(self, text: str) -> str:
        """`LOW-HIGH` or `ADDRESS`. Raises: ValueError; NotKept where it is no network."""
        if "-" not in text:
            return self.address(text)
        networks = list(self.networks_of(text))
        if len(networks) > 1:
            raise NotKept("a range of addresses that is no network")
        return f"{networks[0].network_address}-{networks[0].broadcast_address}"

    def destination(self, text: str) -> str:
        """`ADDRESS[-ADDRESS][:PORT]`, with brackets about IPv6. Raises: ValueError, NotKept."""
        if not (found := _WITH_PORT.fullmatch(text)):
            return self.interval(text)
        inside = found[1].strip("[]")
        mapped = self.interval(inside) if inside else ""
        return f"{f'[{mapped}]' if found[1].startswith('[') else mapped}:{found[2]}"

    def mac(self, text: str) -> str:
        return self.macs.mac(text)

    def name(self, text: str) -> str:
        return self.names.name(text)

    def scalar(self, text: str) -> str:
        """An address in any form, a link-layer address, or a name."""
        if WRITTEN.fullmatch(text):
            return self.mac(text)
        if text[:1].isdigit() or ":" in text:
            for read in (self.masked, self.destination):
                try:
                    return read(text)
                except NotKept:
                    break
                except ValueError:
                    continue
        return self.name(text)


def version(text: str) -> str:
    """Without what a distribution or a site adds."""
    found = _VERSION.match(text)
    return found[0] if found else ""


def _as_written(address: Address, before: str) -> str:
    """The kernel prints the IPv4 address in an IPv6 one with dots."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return f"::ffff:{mapped}" if mapped is not None and "." in before else str(address)
