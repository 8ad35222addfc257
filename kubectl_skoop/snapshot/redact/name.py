"""Names: equal ones get equal pseudonyms wherever they stand, so selectors fit labels, and jumps chains."""

import re
from base64 import b32encode
from collections.abc import Callable, Mapping
from hashlib import sha1
from typing import NamedTuple

from kubectl_skoop.cluster.policy.kube_router import renamed
from kubectl_skoop.cluster.raw import Object, ref_of
from kubectl_skoop.snapshot.redact import known
from kubectl_skoop.snapshot.redact.prf import prf

POD_DEVICES = ("cali", "eni")
"""Calico and the VPC CNI: a hash of `namespace.pod` follows (libcalico-go, VethNameForWorkload)."""
_PSEUDONYM_BYTES = 7
_PSEUDONYM_LENGTH = 10
_DEVICE_DIGITS = 11


class NameMap:
    """Names of objects, labels, devices, chains, sets: short enough for each (a device has 15 characters)."""

    def __init__(self, key: bytes, told: Mapping[str, str] | None = None) -> None:
        """`told`: pseudonyms of some names."""
        self._key = key
        self._told = told or {}
        self.changed: dict[str, str] = {}

    def forget(self) -> None:
        """What stands for what, and what was told."""
        self.changed.clear()
        self._told = {}

    def name(self, text: str) -> str:
        if not text or text in known.NAMES or known.DEVICES.fullmatch(text):
            return text
        found = self.changed.get(text)
        if found is None:
            found = self._told.get(text) or self._made(text)
            if found != text:
                self.changed[text] = found
        return found

    def pod(self, key: str) -> str:
        """`namespace/name`."""
        return "/".join(map(self.name, key.split("/")))

    def label_key(self, text: str) -> str:
        """`name` or `domain/name`."""
        if text in known.LABELS:
            return text
        for prefix in known.LABEL_PREFIXES:
            if text.startswith(prefix):
                return prefix + self.label_key(text.removeprefix(prefix))
        return "/".join(map(self.name, text.split("/")))

    def label(self, text: str) -> str:
        return text if text in known.VALUES else self.name(text)

    def uuid(self, text: str) -> str:
        digits = prf(self._key, "uuid", text.encode(), 16).hex()
        found = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        self.changed[text] = found
        return found

    def hashed(self, text: str, length: int) -> str:
        """As kube-proxy writes a hash: capital letters and 2 to 7."""
        return b32encode(prf(self._key, "hash", text.encode(), 10)).decode()[:length]

    def _made(self, text: str) -> str:
        for shape in _SHAPES:
            if found := shape.written.fullmatch(text):
                return shape.made(self, found)
        random = prf(self._key, "name", text.encode(), _PSEUDONYM_BYTES)
        return "x" + b32encode(random).decode().lower()[:_PSEUDONYM_LENGTH]

    def digits(self, text: str) -> str:
        return prf(self._key, "device", text.encode(), 6).hex()[:_DEVICE_DIGITS]


class _Shape(NamedTuple):
    written: re.Pattern[str]
    made: Callable[[NameMap, re.Match[str]], str]


def _hash_behind(names: NameMap, found: re.Match[str]) -> str:
    return found[1] + names.hashed(found[2], len(found[2]))


def _name_behind(names: NameMap, found: re.Match[str]) -> str:
    return found[1] + names.name(found[2])


def _device(names: NameMap, found: re.Match[str]) -> str:
    return found[1] + names.digits(found[0])


def _wildcard(names: NameMap, found: re.Match[str]) -> str:
    """The beginning of devices' names: of an unusual one nothing is kept that a name could begin with."""
    return found[0] if found[1] in known.BEGINNINGS else names.name(found[1]) + found[2]


_SHAPES = (
    _Shape(
        re.compile(r"((?:inet6:)?KUBE-(?:SVC|SVL|SEP|FW|XLB|EXT|POD-FW|NWPLCY|SRC|DST)-)([A-Z2-7]{16})"),
        _hash_behind,
    ),
    _Shape(re.compile(r"(cali-(?:fw|tw|fh|th|sm|pi|po|pri|pro|gi|go)-)(.+)"), _name_behind),
    _Shape(re.compile(r"(cali[46]0[a-z]{1,3}:)(.+)"), _name_behind),
    _Shape(re.compile(r"(kns\.)(.+)"), _name_behind),
    _Shape(re.compile(rf"({'|'.join(known.PREFIXES)})[0-9a-f]{{4,12}}"), _device),
    _Shape(re.compile(r"([A-Za-z_.-]+[\d.]*)([*+])"), _wildcard),
)


def pod_devices(names: NameMap, pods: Mapping[str, None]) -> dict[str, str]:
    """For each pod (`namespace/name`) its devices' names, and those that its pseudonym would give."""
    return {
        prefix + _pod_hash(pod): prefix + _pod_hash(names.pod(pod)) for pod in pods for prefix in POD_DEVICES
    }


def policy_sets(names: NameMap, policy: Object) -> dict[str, str]:
    """kube-router's sets for it, whose names are made of its own."""
    ref = ref_of(policy)
    return renamed(policy, names.name(ref.namespace), names.name(ref.name))


def _pod_hash(pod: str) -> str:
    return sha1(pod.replace("/", ".").encode(), usedforsecurity=False).hexdigest()[:_DEVICE_DIGITS]
