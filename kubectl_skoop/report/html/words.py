"""A question as the words of an address, and back: what a link to an answer holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import get_args
from urllib.parse import urlencode

from kubectl_skoop.diagnosis.request import Options, ProtocolName, Request
from kubectl_skoop.model.errors import InputError

_LIMITS = {"source_port": 65535, "size": 65535, "uid": (1 << 32) - 1}
_WORDS = {
    "s": "source",
    "d": "destination",
    "p": "port",
    "protocol": "protocol",
    "sport": "source_port",
    "size": "size",
    "df": "df",
    "uid": "uid",
    "n": "namespace",
}
_DEFAULT = Request(source="", destination="")
_OPTIONS = {
    "p": "-p",
    "protocol": "--protocol",
    "sport": "--source-port",
    "size": "--size",
    "df": "--df",
    "uid": "--uid",
    "n": "-n",
}


def words_of(request: Request) -> dict[str, str]:
    """What differs from the defaults."""
    given = {word: getattr(request, field) for word, field in _WORDS.items()}
    return {
        word: "1" if value is True else str(value)
        for word, value in given.items()
        if value != getattr(_DEFAULT, _WORDS[word])
    }


def query_of(request: Request) -> str:
    return urlencode(words_of(request))


def request_of(words: Mapping[str, str]) -> Request:
    """Unknown words are passed over. Raises: InputError."""
    protocol = words.get("protocol") or "tcp"
    for known in get_args(ProtocolName):
        if protocol == known:
            return Request(
                source=words.get("s", "").strip(),
                destination=words.get("d", "").strip(),
                port=words.get("p", "").strip(),
                protocol=known,
                source_port=_number(words, "sport", "source port"),
                size=_number(words, "size", "size"),
                df=bool(words.get("df")),
                uid=_number(words, "uid", "user id"),
                namespace=words.get("n", "").strip(),
            )
    raise InputError(f"protocol {protocol}: must be one of {', '.join(get_args(ProtocolName))}")


def command_of(request: Request) -> list[str]:
    """The words of the command that asks the same."""
    words = words_of(request)
    rest = (
        ["--df"] if word == "df" else [option, words[word]]
        for word, option in _OPTIONS.items()
        if word in words
    )
    return [
        "kubectl",
        "skoop",
        "diagnose",
        "-s",
        request.source,
        "-d",
        request.destination,
        *(part for pair in rest for part in pair),
    ]


def options_of(snapshot: Path, options: Options) -> list[str]:
    """Of the command that asks the same: the file, and what overrides detection."""
    given = {
        "--snapshot": str(snapshot),
        "--network-plugin": options.network_plugin,
        "--cloud-provider": options.cloud_provider,
        "--proxy-mode": options.proxy_mode,
        "--cluster-cidr": options.cluster_cidr,
        "--service-cidr": options.service_cidr,
        **{f"--{name}": value for name, value in options.plugin.items()},
    }
    return [word for name, value in given.items() if value for word in (name, value)]


def _number(words: Mapping[str, str], word: str, what: str) -> int:
    written = words.get(word, "").strip()
    if not written:
        return 0
    most = _LIMITS[_WORDS[word]]
    if not (written.isascii() and written.isdecimal() and len(written) <= 10 and int(written) <= most):
        raise InputError(f"{what} {written}: must be a number from 0 to {most}")
    return int(written)
