"""Faults in the rules that kube-proxy wrote, as edits of what `nft list ruleset` and `iptables-save` print.

`{plain}` stands for the cluster address of the service `plain`, `{node-port:port}` for a node port,
`{chain:plain}` for what its chains' names end with.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.errors import ClusterError


@dataclass(frozen=True, slots=True)
class Fault:
    what: str
    pattern: str
    """Of `re`, with `.` for any character but a newline; once in the rules or more."""
    replacement: str
    code: str
    message: str
    """A part of it."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the API server and kube-proxy called things."""

    services: Mapping[str, Any]
    rules: str

    def fill(self, text: str, *, quote: bool = False) -> str:
        def value(found: "re.Match[str]") -> str:
            made = self._value(found[1], found[2] or "")
            return re.escape(made) if quote else made

        return re.sub(r"\{([a-z][a-z0-9-]*)(?::([a-z0-9-]+))?\}", value, text)

    def _value(self, kind: str, name: str) -> str:
        if kind == "chain":
            return self._chain(name)
        service = self.services[kind]
        return str(
            service["spec"]["ports"][0]["nodePort"] if name == "port" else service["spec"]["clusterIP"]
        )

    def _chain(self, name: str) -> str:
        """`HASH-shapes/NAME/tcp/` of nftables, `HASH` of iptables."""
        found = re.search(rf"chain \w+-(\w+-shapes/{name}/tcp/) ", self.rules)
        found = found or re.search(rf'"shapes/{name} cluster IP" .*-j KUBE-SV[CL]-(\w+)', self.rules)
        if not found:
            raise ClusterError(f"the rules have no chain of {name}")
        return found[1]


def broken(fault: Fault, names: Names) -> str:
    """The rules with the fault."""
    pattern = re.compile(names.fill(fault.pattern, quote=True), re.MULTILINE)
    edited, number = pattern.subn(names.fill(fault.replacement), names.rules)
    if not number or edited == names.rules:
        raise ClusterError(f"{fault.what}: nothing in the rules is like {fault.pattern}")
    return edited


UNMASQUERADED = "connections from outside of the cluster are not masqueraded"
