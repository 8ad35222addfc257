"""The JSON of `nft -j`: keywords stay, everything else is replaced by what it is.

A statement or expression with a keyword that is not known becomes one that nobody models.
"""

import json
import re
from collections.abc import Iterator, Mapping

from kubectl_skoop.snapshot.limits import parse_json
from kubectl_skoop.snapshot.redact.comment import comment
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.listed import listed
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms

KEYS = listed(
    """
    nftables metainfo version release_name json_schema_version table chain rule set map element flowtable
    family name handle type hook prio policy dev flags comment index expr elem val timeout expires
    gc-interval size auto-merge stmt hooknum match op left right payload protocol field base offset len
    meta key ct dir direction exthdr tcp sctp option fib result numgen mode mod jhash seed symhash rt
    ipsec osf socket hash bytes packets used limit rate burst per inv unit rate_unit burst_unit quota
    counter accept drop continue return jump goto target masquerade snat dnat redirect addr port
    addr_family type_flags reject log level group queue-threshold snaplen queue num mangle value notrack
    fwd dup vmap concat prefix range data xt l3proto ct_helper synproxy mss wscale flow add tproxy count
    meter comp last spnum | & ^ << >> == != < > <= >=
    """
) | {
    "ct helper",
    "ct timeout",
    "ct expectation",
    "ct count",
    "tcp option",
    "ip option",
    "sctp chunk",
    "dccp option",
}
WORDS = listed(
    """
    ip ip6 inet arp bridge netdev filter nat route raw mangle security prerouting input forward output
    postrouting ingress egress accept drop continue return ipv4_addr ipv6_addr ether_addr inet_proto
    inet_service mark ifname iface_index verdict integer boolean ct_state ct_status ct_dir icmp_type
    icmpv6_type icmp_code icmpv6_code dscp ether_type fib_addrtype pkt_type uid gid nf_proto tcp_flag
    classid realm day hour time string devgroup limit quota counter cgroupsv2 daddr saddr dport sport
    protocol nexthdr l4proto nfproto length version ttl hoplimit checksum id frag-off ecn hdrlength code
    mtu sequence gateway flags doff window urgptr ackseq chunk vtag htype hlen plen operation iif oif
    iifname oifname iiftype oiftype iifgroup oifgroup iifkind oifkind skuid skgid nftrace rtclassid cpu
    cgroup priority pkttype random ibrname obrname ibrpvid obrpvid sdif sdifname bri_iifname bri_oifname
    secpath state status expiration helper label bytes packets avgpkt proto-src proto-dst zone original
    reply direction event new established related invalid untracked expected seen-reply assured confirmed
    dying in type tcp udp sctp dccp udplite icmp icmpv6 icmpx esp ah comp gre igmp th ether vlan ll nh ih
    ipv6-icmp ipv6 ipv4 interval constant dynamic timeout owner dormant persistent fully-random nomatch
    local unicast broadcast anycast multicast blackhole unreachable prohibit unspec host other
    echo-request echo-reply destination-unreachable source-quench redirect time-exceeded parameter-problem
    timestamp-request timestamp-reply info-request info-reply address-mask-request address-mask-reply
    router-advertisement router-solicitation packet-too-big mld-listener-query mld-listener-report
    mld-listener-done mld-listener-reduction mld2-listener-report nd-router-solicit nd-router-advert
    nd-neighbor-solicit nd-neighbor-advert nd-redirect router-renumbering ind-neighbor-solicit
    ind-neighbor-advert port-unreachable net-unreachable host-unreachable prot-unreachable net-prohibited
    host-prohibited admin-prohibited no-route addr-unreachable policy-fail reject-route frag-needed fin
    syn rst psh ack urg cwr maxseg emerg alert crit err warn notice info debug audit second minute week
    add update delete inc bypass fanout mask present exists missing lephb be ef cs0 cs1 cs2 cs3 cs4 cs5
    cs6 cs7 af11 af12 af13 af21 af22 af23 af31 af32 af33 af41 af42 af43 kbytes mbytes match target watcher
    comment conntrack statistic addrtype multiport DNAT SNAT MASQUERADE REDIRECT MARK CONNMARK LOG REJECT
    set nfacct nexthop sack-perm sack timestamp mptcp fastopen md5sig nop eol hbh dst rt mh frag lsrr ssrr
    rr ra data init transparent wildcard spi cpi reqid out hdrlength
    """
) | {"tcp reset", "==", "!=", "<", ">", "<=", ">="}
NAMED = frozenset(
    {"table", "chain", "name", "target", "dev", "ct helper", "ct timeout", "ct expectation", "flowtable"}
)
"""Under these keys stand names, whatever they look like."""
NUMBER = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)*")
REDACTED: Mapping[str, object] = {"redacted": None}
_BITS = frozenset("|&^")
_KUBE_PROXY_CHAIN = re.compile(r"(service|external|firewall|endpoint|affinity)-([A-Z2-7]{8})-(.+)")
_ENDPOINT = re.compile(r"(.*)__([0-9a-f.]+)/(\d+)")
_RELEASE = re.compile(r"[A-Z][a-z]+ [A-Z][a-z]+ #\d+|[\w. ]{1,20}#\d+")


def nft_text(text: str, pseudonyms: Pseudonyms, left_out: LeftOut, where: str) -> str:
    """Raises: ValueError where it is no JSON."""
    return json.dumps(_Nft(pseudonyms, left_out, where).value("", parse_json(text)), separators=(", ", ": "))


def chain_name(text: str, pseudonyms: Pseudonyms) -> str:
    """kube-proxy's tell their service: `service-HASH-namespace/name/protocol/port`, those of endpoints
    `…__address/port` with dots for the colons of IPv6 (pkg/proxy/nftables, servicePortEndpointChainName)."""
    found = _KUBE_PROXY_CHAIN.fullmatch(text)
    if found is None:
        return pseudonyms.name(text)
    owner, endpoint = found[3], ""
    if at := _ENDPOINT.fullmatch(owner):
        owner, endpoint = at[1], f"__{_endpoint(at[2], pseudonyms)}/{at[3]}"
    parts = "/".join(map(pseudonyms.name, owner.split("/")))
    return f"{found[1]}-{pseudonyms.names.hashed(found[2], 8)}-{parts}{endpoint}"


def _endpoint(text: str, pseudonyms: Pseudonyms) -> str:
    for written in (text, text.replace(".", ":")):
        try:
            return pseudonyms.address(written).replace(":", ".")
        except ValueError:
            continue
    return pseudonyms.name(text)


class _Nft:
    def __init__(self, pseudonyms: Pseudonyms, left_out: LeftOut, where: str) -> None:
        self._pseudonyms = pseudonyms
        self._left_out = left_out
        self._where = where

    def value(self, key: str, value: object) -> object:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self._text(key, value)
            case list():
                return list(self._items(key, value))
            case {"prefix": {"addr": str(address), "len": int(length)}, **rest} if not rest:
                return self._prefix(address, length)
            case {"range": [str(low), str(high)], **rest} if not rest:
                return self._range(low, high)
            case dict():
                return self._map(value)
            case _:
                return self._gone("a value of an unknown form")

    def _items(self, key: str, values: list[object]) -> Iterator[object]:
        """A range of addresses is written as the networks that make it up."""
        for item in values:
            match item:
                case {"range": [str(low), str(high)]}:
                    yield from self._networks(low, high)
                case [{"range": [str(low), str(high)]}, leads] if key == "elem":
                    to = self.value(key, leads)
                    yield from ([network, to] for network in self._networks(low, high))
                case _:
                    yield self.value(key, item)

    def _map(self, fields: Mapping[str, object]) -> object:
        if len(fields) == 1 and (operator := next(iter(fields))) in _BITS and _has_address(fields[operator]):
            return self._gone("arithmetic on addresses")
        kept = {}
        for key, value in fields.items():
            if key in KEYS:
                kept[key] = self.value(key, value)
            elif len(fields) == 1:
                return self._gone("a statement that is not known")
            else:
                self._left_out.add(self._where, "a field that is not known")
        return kept

    def _text(self, key: str, text: str) -> object:
        if key == "comment":
            return comment(text, self._pseudonyms)
        if text.startswith("@"):
            return f"@{chain_name(text[1:], self._pseudonyms)}"
        if text in WORDS or text == "*" or (key == "version" and NUMBER.fullmatch(text)):
            return text
        if key in NAMED:
            return chain_name(text, self._pseudonyms)
        if key == "release_name":
            return text if _RELEASE.fullmatch(text) else ""
        if text.startswith("0x") and NUMBER.fullmatch(text):
            return text
        return self._pseudonyms.scalar(text)

    def _prefix(self, address: str, length: int) -> object:
        try:
            network, _, _ = self._pseudonyms.masked(f"{address}/{length}").partition("/")
        except ValueError:
            return self._gone("a prefix that cannot be read")
        return {"prefix": {"addr": network, "len": length}}

    def _range(self, low: str, high: str) -> object:
        networks = list(self._networks(low, high))
        return networks[0] if len(networks) == 1 else self._gone("a range of addresses that is no network")

    def _networks(self, low: str, high: str) -> Iterator[object]:
        try:
            for network in list(self._pseudonyms.networks_of(f"{low}-{high}")):
                yield {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}}
        except ValueError:
            words = low in WORDS and high in WORDS
            yield {"range": [low, high]} if words else self._gone("a range that is not known")

    def _gone(self, what: str) -> object:
        self._left_out.add(self._where, what)
        return dict(REDACTED)


def _has_address(value: object) -> bool:
    match value:
        case str():
            return ":" in value or value.count(".") == 3
        case list():
            return any(map(_has_address, value))
        case _:
            return False
