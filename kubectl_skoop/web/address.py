"""Where the server listens, and under which names a browser may have reached it."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from kubectl_skoop.model.errors import InputError

_LOCALHOST = "localhost"
_PORT = re.compile(r"[0-9]{1,5}")
_HINT = "as in 127.0.0.1:8080 or [::1]:0; port 0: any that is free"


class Listen(NamedTuple):
    """An address of this machine."""

    address: IPv4Address | IPv6Address
    port: int

    @property
    def host(self) -> str:
        """As it stands in a URL."""
        return f"[{self.address}]" if self.address.version == 6 else str(self.address)


def listen_address(written: str) -> Listen:
    """Raises: InputError."""
    host, colon, port = written.rpartition(":")
    if not colon or not host:
        raise InputError(f"address {written}: must be ADDRESS:PORT", hint=_HINT)
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise InputError(f"address {written}: {port or 'nothing'} is no port from 0 to 65535", hint=_HINT)
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ip_address("127.0.0.1" if bare == _LOCALHOST else bare)
    except ValueError:
        raise InputError(f"address {written}: {host} is no IP address", hint=_HINT) from None
    if address.version == 6 and host == bare:
        raise InputError(f"address {written}: an IPv6 address stands in brackets", hint=_HINT)
    return Listen(address, int(port))


def host_is_known(header: str, *, remote: bool) -> bool:
    """Whether a request with this Host header can have been meant for this server.

    A page of a stranger can have its own name resolve to this machine (DNS rebinding); then that name is the
    Host. An address cannot be rebound. The port is not compared: it is another behind a forwarded port.
    """
    host = re.sub(r":[0-9]{1,5}$", "", header.lower())
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if bare == _LOCALHOST:
        return True
    try:
        address = ip_address(bare)
    except ValueError:
        return remote and bare == socket.gethostname().lower()
    return remote or address.is_loopback
