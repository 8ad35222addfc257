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
_UNKNOWN = re.compile(r"[Nn]o such option: (--?[\w-]+)")


def new_form(message: str) -> str:
    """A hint, where the message complains of an old flag."""
    found = _UNKNOWN.match(message)
    return NEW_FORMS.get(found[1], "") if found else ""
