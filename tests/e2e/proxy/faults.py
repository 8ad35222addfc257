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


_MASQUERADE = "connections from outside of the cluster are not masqueraded"

NFTABLES = (
    Fault(
        "a service's address is not in the map",
        r"{plain} \. tcp \. 80 : goto service-{chain:plain},?\s*",
        "",
        "service.untranslated",
        "shapes/plain at {plain}:80/tcp: no rule translates it",
    ),
    Fault(
        "the address of another service leads to its chain",
        r"{plain} \. tcp \. 80 : goto service-{chain:plain}",
        "{plain} . tcp . 80 : goto service-{chain:single}",
        "service.stale-endpoint",
        "100% of connections are sent to 10.244.2.11:8080, no endpoint of it",
    ),
    Fault(
        "the node port is not in the map",
        r"tcp \. {node-port:port} : goto external-{chain:node-port},?\s*",
        "",
        "service.untranslated",
        "shapes/node-port at node port {node-port:port}/tcp: no rule translates it",
    ),
    Fault(
        "an endpoint has no number",
        r"mod 3 map \{ (0 : 10\.244\.1\.10 \. 8080, 1 : 10\.244\.2\.10 \. 8080), .* \}",
        r"mod 2 map { \1 }",
        "service.missing-backend",
        "no connection is sent to 10.244.3.10:8080",
    ),
    Fault(
        "more numbers are drawn than there are endpoints",
        r"mod 3 (map \{ 0 : 10\.244\.1\.10 )",
        r"mod 4 \1",
        "service.wrong-share",
        "25% of connections are not translated",
    ),
    Fault(
        "an endpoint has two numbers",
        r"mod 3 map \{ 0 : 10\.244\.1\.10 \. 8080, (.*) \}",
        r"mod 4 map { 0 : 10.244.1.10 . 8080, \1, 3 : 10.244.1.10 . 8080 }",
        "service.wrong-share",
        "10.244.1.10:8080 gets 50.0% of connections, not 33.3%",
    ),
    Fault(
        "an endpoint has another address",
        r"10\.244\.3\.10 \. 8080",
        "10.244.3.99 . 8080",
        "service.stale-endpoint",
        "33% of connections are sent to 10.244.3.99:8080, no endpoint of it; none to 10.244.3.10:8080",
    ),
    Fault(
        "an endpoint has another port",
        r"10\.244\.3\.10 \. 8080",
        "10.244.3.10 . 8081",
        "service.stale-endpoint",
        "33% of connections are sent to 10.244.3.10:8081, no endpoint of it",
    ),
    Fault(
        "the service's chain is empty",
        r"(chain service-{chain:plain} \{\n).*dnat.*\n",
        r"\1",
        "service.untranslated",
        "shapes/plain at {plain}:80/tcp: no rule translates it",
    ),
    Fault(
        "the rule is for another protocol",
        r"(chain service-{chain:plain} \{\n\s*meta l4proto) tcp",
        r"\1 udp",
        "service.untranslated",
        "shapes/plain at {plain}:80/tcp: no rule translates it",
    ),
    Fault(
        "the policy Local is not kept",
        r"goto local-{chain:node-port-local}",
        "goto service-{chain:node-port-local}",
        "service.stale-endpoint",
        "not ready, or not for this node",
    ),
    Fault(
        "the node port is not masqueraded",
        r"(chain external-{chain:node-port} \{\n).*mark set.*\n",
        r"\1",
        "service.missing-masquerade",
        f"shapes/node-port at node port {{node-port:port}}/tcp: {_MASQUERADE}",
    ),
    Fault(
        "the node port gets another mark",
        r"(chain external-{chain:node-port} \{\n.*mark \|) 0x00004000",
        r"\1 0x00008000",
        "service.missing-masquerade",
        f"shapes/node-port at node port {{node-port:port}}/tcp: {_MASQUERADE}",
    ),
    Fault(
        "an endpoint that meets itself is not masqueraded",
        r"{own} \. {own} \. tcp \. 8080,?\s*",
        "",
        "service.missing-masquerade",
        "connections of {own}:8080 that meet themselves are not masqueraded",
    ),
    Fault(
        "a cluster address is not masqueraded for the outside",
        r"(set cluster-ips \{(?:\n[^}]*)*?\W){plain},?",
        r"\1",
        "service.missing-masquerade",
        f"shapes/plain at {{plain}}:80/tcp: {_MASQUERADE}",
    ),
    Fault(
        "what is marked is not masqueraded",
        r"meta mark & 0x00004000 != 0x00000000 .*masquerade.*\n",
        "\n",
        "service.missing-masquerade",
        "masquerading asks for no mark",
    ),
    Fault(
        "another mark is masqueraded",
        r"meta mark & 0x00004000 != 0x00000000",
        "meta mark & 0x00008000 != 0x00000000",
        "service.missing-masquerade",
        "masquerading asks for the mark 0x8000, but rules set 0x4000",
    ),
    Fault(
        "nothing leads to the masquerade",
        r"jump masquerading",
        "",
        "service.missing-masquerade",
        "nothing leads to masquerading at postrouting",
    ),
    Fault(
        "the table is gone",
        r"^table ip6? kube-proxy \{\n(?:.*\n)*?\}\n",
        "",
        "service.no-rules",
        "no rules of kube-proxy for IPv4",
    ),
    Fault(
        "packets that come in do not reach the services",
        r"(hook prerouting priority dstnat; policy accept;\n)\s*jump services",
        r"\1",
        "service.no-rules",
        "nothing leads to services at prerouting: no service works for pods and the outside",
    ),
    Fault(
        "packets of the node do not reach the services",
        r"(type nat hook output .*\n)\s*jump services",
        r"\1",
        "service.no-rules",
        "nothing leads to services at output: no service works for the node itself",
    ),
    Fault(
        "nothing leads to the node ports",
        r".*vmap @service-nodeports.*\n",
        "",
        "service.no-rules",
        "no rule leads from the node's addresses to node ports (IPv4)",
    ),
    Fault(
        "something is accepted before the services",
        r"\A((?:.*\n)*?\s*chain services \{\n)",
        r"\1ip daddr {plain} accept\n",
        "service.untranslated",
        "shapes/plain at {plain}:80/tcp: no rule translates it",
    ),
    Fault(
        "a service without endpoints is not refused",
        r"198\.51\.100\.10 \. tcp \. 80 comment \"shapes/external-ip-nowhere\" : goto reject-chain,?\s*",
        "",
        "service.not-refused",
        "at 198.51.100.10:80/tcp: it has no endpoint, but no rule refuses connections to it",
    ),
    Fault(
        "a node port without endpoints is not refused",
        r"jump nodeport-endpoints-check",
        "",
        "service.not-refused",
        "shapes/node-port-nowhere at node port",
    ),
    Fault(
        "a service without local endpoints is not refused",
        r"tcp \. {node-port-local-far:port} comment \"shapes/node-port-local-far\" : drop,?\s*",
        "",
        "service.not-refused",
        "node port {node-port-local-far:port}/tcp: it has no endpoint on this node, but no rule refuses",
    ),
    Fault(
        "clients are not remembered",
        r".*update @affinity-\w+-shapes/affinity-short/.*\n",
        "",
        "service.wrong-affinity",
        "a client comes back to the same endpoint not, meant is 60 s",
    ),
    Fault(
        "clients are not sent back",
        r".*ip saddr @affinity-\w+-shapes/affinity-short/.*\n",
        "",
        "service.wrong-affinity",
        "a client comes back to the same endpoint not, meant is 60 s",
    ),
    Fault(
        "clients are forgotten too early",
        r"(set affinity-\w+-shapes/affinity-short/\S+ \{(?:\n[^}]*)*?timeout) 1m",
        r"\1 10s",
        "service.wrong-affinity",
        "a client comes back to the same endpoint for 10 s, meant is 60 s",
    ),
    Fault(
        "a load balancer lets in too many",
        r"ip saddr != \{ 10\.0\.0\.0/8, 192\.0\.2\.128/25",
        "ip saddr != { 10.0.0.0/8, 192.0.2.0/24",
        "service.wrong-source-ranges",
        "connections from 192.0.2.1 get in, the ranges are 192.0.2.128/25, 10.0.0.0/8",
    ),
    Fault(
        "a load balancer lets in too few",
        r"ip saddr != \{ 10\.0\.0\.0/8, 192\.0\.2\.128/25",
        "ip saddr != { 10.0.0.0/9, 192.0.2.128/25",
        "service.wrong-source-ranges",
        "connections from 10.255.255.255 do not get in",
    ),
    Fault(
        "a load balancer lets in everybody",
        r"203\.0\.113\.9 \. tcp \. 80 : goto firewall-{chain:balancer-ranges},?\s*",
        "",
        "service.wrong-source-ranges",
        "shapes/balancer-ranges at 203.0.113.9:80/tcp: connections from 9.255.255.255 get in",
    ),
    Fault(
        "a load balancer without ranges lets in some only",
        r"203\.0\.113\.9 (\. tcp \. 80 : goto firewall-{chain:balancer-ranges})",
        r"203.0.113.9 \1, 203.0.113.1 \1",
        "service.barred",
        "shapes/balancer at 203.0.113.1:80/tcp: a rule drops connections to it",
    ),
    Fault(
        "a service that is gone still has its rules",
        r"({plain} (\. tcp \. 80 : goto service-{chain:plain}))",
        r"\1, 10.96.255.254 \2",
        "service.left-over",
        "rules for 10.96.255.254:80/tcp, of shapes/plain: no service has it",
    ),
    Fault(
        "rules of iptables mode are there, too",
        r"\Z",
        "table ip nat {\n chain KUBE-SERVICES {\n  ip daddr {plain} accept\n }\n"
        " chain PREROUTING {\n  type nat hook prerouting priority dstnat;\n  jump KUBE-SERVICES\n }\n}\n",
        "service.two-modes",
        "those of iptables mode (iptables-nft)",
    ),
)

IPTABLES = (
    Fault(
        "a service's address has no rule",
        r"^-A KUBE-SERVICES -d {plain}/32 .*\n",
        "",
        "service.untranslated",
        "shapes/plain at {plain}:80/tcp: no rule translates it",
    ),
    Fault(
        "the node port has no rule",
        r"^-A KUBE-NODEPORTS .*\"shapes/node-port\" .*\n",
        "",
        "service.untranslated",
        "shapes/node-port at node port {node-port:port}/tcp: no rule translates it",
    ),
    Fault(
        "an endpoint has no rule",
        r"^-A KUBE-SVC-{chain:plain} .* 10\.244\.2\.10:8080\".*\n",
        "",
        "service.missing-backend",
        "no connection is sent to 10.244.2.10:8080",
    ),
    Fault(
        "the probability is another",
        r"^(-A KUBE-SVC-{chain:plain} .*--probability) 0\.33\d*",
        r"\1 0.50000000000",
        "service.wrong-share",
        "10.244.1.10:8080 gets 50.0% of connections, not 33.3%",
    ),
    Fault(
        "an endpoint has another address",
        r"--to-destination 10\.244\.3\.10:8080",
        "--to-destination 10.244.3.99:8080",
        "service.stale-endpoint",
        "33% of connections are sent to 10.244.3.99:8080, no endpoint of it",
    ),
    Fault(
        "an endpoint has another port",
        r"--to-destination 10\.244\.3\.10:8080",
        "--to-destination 10.244.3.10:80",
        "service.stale-endpoint",
        "33% of connections are sent to 10.244.3.10:80, no endpoint of it",
    ),
    Fault(
        "the node port is not masqueraded",
        r"^-A KUBE-EXT-\w+ .*masquerade traffic for shapes/node-port external.*\n",
        "",
        "service.missing-masquerade",
        f"shapes/node-port at node port {{node-port:port}}/tcp: {_MASQUERADE}",
    ),
    Fault(
        "an endpoint that meets itself is not masqueraded",
        r"^-A KUBE-SEP-\w+ -s {own}/32 .*\"shapes/plain\" -j KUBE-MARK-MASQ\n",
        "",
        "service.missing-masquerade",
        "connections of {own}:8080 that meet themselves are not masqueraded",
    ),
    Fault(
        "a cluster address is not masqueraded for the outside",
        r"^-A KUBE-SVC-{chain:plain} ! -s .*-j KUBE-MARK-MASQ\n",
        "",
        "service.missing-masquerade",
        f"shapes/plain at {{plain}}:80/tcp: {_MASQUERADE}",
    ),
    Fault(
        "what is marked is not masqueraded",
        r"^-A KUBE-POSTROUTING .*-j MASQUERADE.*\n",
        "",
        "service.missing-masquerade",
        "KUBE-POSTROUTING does not masquerade what is marked",
    ),
    Fault(
        "packets that come in do not reach the services",
        r"^-A PREROUTING .*-j KUBE-SERVICES\n",
        "",
        "service.no-rules",
        "PREROUTING does not lead to KUBE-SERVICES",
    ),
    Fault(
        "nothing leads to the node ports",
        r"^-A KUBE-SERVICES .*-j KUBE-NODEPORTS\n",
        "",
        "service.no-rules",
        "no rule leads from the node's addresses to node ports",
    ),
    Fault(
        "the policy Local is not kept",
        r"-j KUBE-SVL-{chain:node-port-local}",
        "-j KUBE-SVC-{chain:node-port-local}",
        "service.stale-endpoint",
        "not ready, or not for this node",
    ),
    Fault(
        "a service without endpoints is not refused",
        r"^-A KUBE-SERVICES .*\"shapes/no-slice has no endpoints\".*\n",
        "",
        "service.not-refused",
        "shapes/no-slice at {no-slice}:80/tcp: it has no endpoint",
    ),
    Fault(
        "a service without local endpoints is not refused",
        r"^-A KUBE-EXTERNAL-SERVICES .*\"shapes/node-port-local-far has no local endpoints\".*\n",
        "",
        "service.not-refused",
        "node port {node-port-local-far:port}/tcp: it has no endpoint on this node, but no rule refuses",
    ),
    Fault(
        "clients are not remembered",
        r"(-A KUBE-SEP-.*\"shapes/affinity-short\") -m recent --set --name \S+ --mask \S+ --rsource",
        r"\1",
        "service.wrong-affinity",
        "a client comes back to the same endpoint not, meant is 60 s",
    ),
    Fault(
        "clients are forgotten too early",
        r"--rcheck --seconds 60 ",
        "--rcheck --seconds 10 ",
        "service.wrong-affinity",
        "a client comes back to the same endpoint for 10 s, meant is 60 s",
    ),
    Fault(
        "a load balancer lets in too many",
        r"^(-A KUBE-FW-{chain:balancer-ranges}) -s 192\.0\.2\.128/25",
        r"\1 -s 192.0.2.0/24",
        "service.wrong-source-ranges",
        "connections from 192.0.2.1 get in, the ranges are 192.0.2.128/25, 10.0.0.0/8",
    ),
    Fault(
        "a load balancer lets in too few",
        r"^-A KUBE-FW-{chain:balancer-ranges} -s 10\.0\.0\.0/8 .*\n",
        "",
        "service.wrong-source-ranges",
        "connections from 10.0.0.0 do not get in",
    ),
    Fault(
        "a service that is gone still has its rules",
        r"^-A KUBE-SERVICES -d {plain}/32 (.*\n)",
        r"\g<0>-A KUBE-SERVICES -d 10.96.255.254/32 \1",
        "service.left-over",
        "rules for 10.96.255.254:80/tcp, of shapes/plain: no service has it",
    ),
    Fault(
        "the address of another service leads to its chain",
        r"^(-A KUBE-SERVICES -d {plain}/32 .*-j KUBE-SVC-){chain:plain}",
        r"\1{chain:single}",
        "service.stale-endpoint",
        "100% of connections are sent to 10.244.2.11:8080, no endpoint of it",
    ),
    Fault(
        "the service's chain is empty",
        r"^-A KUBE-SVC-{chain:plain} .*\n",
        "",
        "service.untranslated",
        "shapes/plain at {plain}:80/tcp: no rule translates it",
    ),
    Fault(
        "the last endpoint has no rule, so chance may choose none",
        r"^-A KUBE-SVC-{chain:plain} .* 10\.244\.3\.10:8080\".*\n",
        "",
        "service.missing-backend",
        "no connection is sent to 10.244.3.10:8080",
    ),
    Fault(
        "the last endpoint has a probability, too",
        r"^(-A KUBE-SVC-{chain:plain} .* 10\.244\.3\.10:8080\") -j",
        r"\1 -m statistic --mode random --probability 0.25000000000 -j",
        "service.wrong-share",
        "25% of connections are not translated",
    ),
    Fault(
        "packets of the node do not reach the services",
        r"^-A OUTPUT .*-j KUBE-SERVICES\n",
        "",
        "service.no-rules",
        "OUTPUT does not lead to KUBE-SERVICES",
    ),
    Fault(
        "nothing leads to the masquerade",
        r"^-A POSTROUTING .*-j KUBE-POSTROUTING\n",
        "",
        "service.missing-masquerade",
        "POSTROUTING does not lead to KUBE-POSTROUTING",
    ),
    Fault(
        "another mark is masqueraded",
        r"^(-A KUBE-POSTROUTING -m mark ! --mark) 0x4000/0x4000",
        r"\1 0x8000/0x8000",
        "service.missing-masquerade",
        "KUBE-POSTROUTING asks for the mark 0x8000, but KUBE-MARK-MASQ sets 0x4000",
    ),
    Fault(
        "the mark is another",
        r"^(-A KUBE-MARK-MASQ -j MARK --set-xmark) 0x4000/0x4000",
        r"\1 0x8000/0x8000",
        "service.missing-masquerade",
        "KUBE-POSTROUTING asks for the mark 0x4000, but KUBE-MARK-MASQ sets 0x8000",
    ),
    Fault(
        "something is accepted before the services",
        r"^-A KUBE-SERVICES -d {plain}/32 ",
        r"-A KUBE-SERVICES -d {plain}/32 -j ACCEPT\n\g<0>",
        "service.untranslated",
        "shapes/plain at {plain}:80/tcp: no rule translates it",
    ),
    Fault(
        "clients are not sent back",
        r"^-A KUBE-SVC-{chain:affinity-short} .*--rcheck .*\n",
        "",
        "service.wrong-affinity",
        "a client comes back to the same endpoint not, meant is 60 s",
    ),
    Fault(
        "a load balancer lets in everybody",
        r"-j KUBE-FW-{chain:balancer-ranges}$",
        "-j KUBE-EXT-{chain:balancer-ranges}",
        "service.wrong-source-ranges",
        "shapes/balancer-ranges at 203.0.113.9:80/tcp: connections from 9.255.255.255 get in",
    ),
    Fault(
        "a node port that is gone still has its rules",
        r"^(-A KUBE-NODEPORTS -p tcp .*\"shapes/node-port\" -m tcp --dport) {node-port:port} (.*\n)",
        r"\g<0>\1 32767 \2",
        "service.left-over",
        "rules for node port 32767/tcp, of shapes/node-port: no service has it",
    ),
    Fault(
        "a rule has an option that kube-proxy does not write",
        r"^(-A KUBE-SVC-{chain:plain}) (-m comment .*--probability)",
        r"\1 -m length --length 40 \2",
        "",
        "shapes/plain at {plain}:80/tcp",
    ),
)
