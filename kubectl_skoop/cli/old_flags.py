"""The flags of KubeSkoop's `skoop` that have another form here: what to say instead."""

import re
from collections.abc import Mapping

NEW_FORMS: Mapping[str, str] = {
    "-s": "a command comes first: kubectl skoop diagnose -s SRC -d DST -p PORT",
    "--src": "a command comes first: kubectl skoop diagnose -s SRC -d DST -p PORT",
    "-d": "a command comes first: kubectl skoop diagnose -s SRC -d DST -p PORT",
    "--dst": "a command comes first: kubectl skoop diagnose -s SRC -d DST -p PORT",
    "-p": "a command comes first: kubectl skoop diagnose -s SRC -d DST -p PORT",
    "--dport": "a command comes first: kubectl skoop diagnose -s SRC -d DST -p PORT",
    "--protocol": "a command comes first: kubectl skoop diagnose -s SRC -d DST --protocol udp",
    "--version": "kubectl skoop version",
    "-v": "--debug shows tracebacks and times, --trace what the packet met",
    "--v": "--debug shows tracebacks and times, --trace what the packet met",
    "--format": "-o FORMAT, to standard output: kubectl skoop diagnose … -o json > FILE",
    "--http": "kubectl skoop serve --snapshot FILE, or diagnose … -o html > FILE",
    "--http-address": "kubectl skoop serve --snapshot FILE --address ADDRESS:PORT",
    "--collector-pod-wait-interval": "collectors are watched; --pod-wait says how long",
    "--preserve-collector-pod": "--save-snapshot FILE keeps what a collector read; the pod is always removed",
    "--flannel-ip-masq": "leave it out: the node's own rules say what is masqueraded",
    "--calico-host-mtu": "leave it out: the device's own MTU counts",
    "--calico-ipip-pod-mtu": "--calico-pod-mtu",
}
"""Flags that are understood as they were are options here, with their old names beside the new."""
_FILE_AS_OUTPUT = re.compile(r"Invalid value for '--output'.*: '(-|[^']*[./][^']*)' is not one of ")
"""What KubeSkoop's `--output` names."""
_UNKNOWN = re.compile(r"[Nn]o such option: (--?[\w-]+)")


def new_form(message: str, *, before_command: bool = False) -> str:
    """A hint, where the message complains of an old flag, or of one that stands before the command."""
    if _FILE_AS_OUTPUT.match(message):
        return "-o names a format, and the answer goes to standard output: -o svg > FILE"
    found = _UNKNOWN.match(message)
    if not found:
        return ""
    if found[1] in NEW_FORMS:
        return NEW_FORMS[found[1]]
    if before_command and _is_of_diagnose(found[1]):
        return f"options come after the command: kubectl skoop diagnose {found[1]} ..."
    return ""


def _is_of_diagnose(flag: str) -> bool:
    """Or of a plugin."""
    from kubectl_skoop.cli.group import load
    from kubectl_skoop.cli.plugin_options import Owners

    own = {name for parameter in load("diagnose").params for name in parameter.opts}
    return flag in own or Owners().owner_of(flag.removeprefix("--")) is not None
