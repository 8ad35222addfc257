"""Networks that the user gives in place of what is detected."""

from collections.abc import Sequence
from ipaddress import ip_network

from kubectl_skoop.model.errors import InputError
from kubectl_skoop.model.packet import Network


def given_networks(option: str, written: str) -> Sequence[Network]:
    """`written`: separated by commas; empty: none. Raises: InputError."""
    return tuple(_network(option, one.strip()) for one in written.split(",")) if written else ()


def _network(option: str, written: str) -> Network:
    try:
        return ip_network(written)
    except ValueError as error:
        message = f"{option}: {error}"
        raise InputError(
            message, hint="ADDRESS/LENGTH, several with commas: 10.96.0.0/16,fd00::/112"
        ) from error
