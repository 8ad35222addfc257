"""Offload features and driver of a device (SIOCETHTOOL; include/uapi/linux/ethtool.h)."""

import array
import fcntl
import socket
import struct
from collections.abc import Iterable

SIOCETHTOOL = 0x8946
ETHTOOL_GDRVINFO, ETHTOOL_GSTRINGS, ETHTOOL_GSSET_INFO, ETHTOOL_GFEATURES = 0x03, 0x1B, 0x37, 0x3A
ETH_SS_FEATURES = 4
_STRING_BYTES = 32
_DRIVER_INFO_BYTES = 196


def read_ethtool(devices: Iterable[str]) -> dict[str, object]:
    """By device: `driver`, and of each feature whether it is on. Devices that cannot be asked: their reason.

    Raises:
        OSError: none can be asked.
    """
    found: dict[str, object] = {}
    names: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        for device in devices:
            try:
                names = names or _feature_names(control, device)
                found[device] = {
                    "driver": _driver(control, device),
                    "features": _features(control, device, names),
                }
            except OSError as error:
                found[device] = {"reason": error.strerror}
    return found


def _ask(control: socket.socket, device: str, request: bytes) -> bytes:
    buffer = array.array("B", request)
    address, _ = buffer.buffer_info()
    fcntl.ioctl(control, SIOCETHTOOL, struct.pack("16sP16x", device.encode(), address))
    return buffer.tobytes()


def _feature_names(control: socket.socket, device: str) -> list[str]:
    request = struct.pack("=IIQI", ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_FEATURES, 0)
    count = struct.unpack_from("=I", _ask(control, device, request), 16)[0]
    request = struct.pack("=III", ETHTOOL_GSTRINGS, ETH_SS_FEATURES, count) + bytes(count * _STRING_BYTES)
    answer = _ask(control, device, request)
    starts = range(12, 12 + count * _STRING_BYTES, _STRING_BYTES)
    return [answer[at : at + _STRING_BYTES].split(b"\0", 1)[0].decode("ascii", "replace") for at in starts]


def _features(control: socket.socket, device: str, names: list[str]) -> dict[str, bool]:
    blocks = (len(names) + 31) // 32
    request = struct.pack("=II", ETHTOOL_GFEATURES, blocks) + bytes(16 * blocks)
    answer = _ask(control, device, request)
    active = [struct.unpack_from("=I", answer, 8 + 16 * block + 8)[0] for block in range(blocks)]
    return {name: bool(active[bit // 32] >> bit % 32 & 1) for bit, name in enumerate(names) if name}


def _driver(control: socket.socket, device: str) -> str:
    try:
        answer = _ask(control, device, struct.pack("=I", ETHTOOL_GDRVINFO) + bytes(_DRIVER_INFO_BYTES - 4))
    except OSError:
        return ""
    return answer[4:36].split(b"\0", 1)[0].decode("ascii", "replace")
