"""IPsec policies and states as XFRM gives them (include/uapi/linux/xfrm.h)."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Address, Network, Protocol

TRANSPORT, TUNNEL = 0, 1
"""XFRM_MODE_*"""
NAMES: dict[int, str] = {Protocol.ESP: "esp", Protocol.AH: "ah"}
MODES = {TRANSPORT: "transport", TUNNEL: "tunnel", 2: "ro", 3: "in_trigger", 4: "beet"}


class Mark(NamedTuple):
    value: int = 0
    mask: int = 0

    def of(self, mark: int) -> bool:
        return mark & self.mask == self.value


class Selector(NamedTuple):
    """struct xfrm_selector: which packets are meant."""

    source: Network
    destination: Network
    protocol: int = 0
    sport: tuple[int, int] = (0, 0)
    """Value and mask, as `dport`."""
    dport: tuple[int, int] = (0, 0)


class Template(NamedTuple):
    """struct xfrm_user_tmpl: how a policy wants a packet transformed."""

    protocol: int
    mode: int
    source: Address | None
    """Of a tunnel; None: the address that the route says."""
    destination: Address | None
    spi: int = 0
    """0: any, as `reqid`."""
    reqid: int = 0
    optional: bool = False
    """It may be left out (level use)."""
    unmodelled: str = ""

    def __str__(self) -> str:
        """As `ip xfrm policy` prints it."""
        ends = f"src {self.source} dst {self.destination} " if self.mode == TUNNEL else ""
        spi = f"spi 0x{self.spi:08x} " if self.spi else ""
        protocol = NAMES.get(self.protocol, self.protocol)
        return f"tmpl {ends}proto {protocol} {spi}reqid {self.reqid} mode {MODES.get(self.mode, self.mode)}"


class Policy(NamedTuple):
    """struct xfrm_userpolicy_info, XFRMA_TMPL."""

    direction: str
    selector: Selector
    priority: int = 0
    """The lowest number is asked first, then what was added first."""
    block: bool = False
    templates: tuple[Template, ...] = ()
    """How a packet must be transformed, one after the other."""
    mark: Mark = Mark()
    unmodelled: str = ""
    """What else it selects by or does, as text."""

    def __str__(self) -> str:
        """As `ip xfrm policy` prints it."""
        action = "block" if self.block else "allow"
        ends = f"src {self.selector.source} dst {self.selector.destination}"
        mark = f" mark {self.mark.value:#x}/{self.mark.mask:#x}" if self.mark.mask else ""
        words = [
            f"{ends} dir {self.direction} priority {self.priority}{mark} {action}",
            *map(str, self.templates),
        ]
        return ", ".join(words)


class InUdp(NamedTuple):
    """ESP in UDP: the ports that the sender uses (struct xfrm_encap_tmpl)."""

    sport: int
    dport: int


class State(NamedTuple):
    """struct xfrm_usersa_info, without keys: whether both ends have the same is not known."""

    source: Address | None
    """None: any."""
    destination: Address
    protocol: int
    spi: int
    mode: int = TUNNEL
    reqid: int = 0
    selector: Selector | None = None
    """None: all packets."""
    mark: Mark = Mark()
    set_mark: Mark = Mark()
    """What the packet's mark becomes, where its mask says so."""
    created: int = 0
    """Seconds of the node's clock: of several the newest is taken for what is sent."""
    algorithm: str = ""
    """Names of cipher and digest, with the length of the tag in bits."""
    overhead: "Overhead | None" = None
    """None: the algorithm is not known here."""
    incoming: bool | None = None
    """XFRMA_SA_DIR; None: it does not say."""
    encapsulation: InUdp | None = None
    keeps_df: bool = True
    """The outer packet has the inner one's DF (not XFRM_STATE_NOPMTUDISC)."""
    unmodelled: str = ""

    def __str__(self) -> str:
        """As `ip xfrm state` prints it."""
        mode, protocol = MODES.get(self.mode, self.mode), NAMES.get(self.protocol, self.protocol)
        ports = self.encapsulation
        encap = f" encap espinudp sport {ports.sport} dport {ports.dport}" if ports else ""
        return (
            f"src {self.source} dst {self.destination} proto {protocol} spi 0x{self.spi:08x} "
            f"reqid {self.reqid} mode {mode}{encap}"
        )


class Overhead(NamedTuple):
    """What ESP or AH adds to a packet, bytes."""

    vector: int
    """0 with AH."""
    block: int
    """What is encrypted becomes a multiple of it; of AH its header."""
    tag: int
    """The check value (ICV)."""
