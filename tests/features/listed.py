"""What a node's rules, sets and devices are made of, and the test that proves that we do as the kernel does.

Whether a thing is modelled is not said here, neighbours apart: `tests.features.table` asks the code.
"""

from dataclasses import dataclass
from typing import NamedTuple

_KERNEL = "tests/kernel/"
RULES, CHAINS = f"{_KERNEL}test_iptables_rules.py", f"{_KERNEL}test_iptables_rules_chains.py"
LOCAL, METER = f"{_KERNEL}test_iptables_rules_local.py", f"{_KERNEL}test_iptables_rules_meter.py"
MSS, RARE = f"{_KERNEL}test_iptables_rules_mss.py", f"{_KERNEL}test_iptables_rules_rare.py"
OBSERVE = f"{_KERNEL}test_iptables_rules_observe.py"
RECENT, CONNTRACK = f"{_KERNEL}test_iptables_rules_recent.py", f"{_KERNEL}test_iptables_rules_conntrack.py"
WALK, TRACKING = f"{_KERNEL}test_netfilter_walk.py", f"{_KERNEL}test_netfilter_tracking.py"
ZONES, IPSET, NFT = (
    f"{_KERNEL}test_conntrack_zones.py",
    f"{_KERNEL}test_ipset.py",
    f"{_KERNEL}test_nft_rules.py",
)
FIB = f"{_KERNEL}test_nft_fib.py"
NEVER = f"{_KERNEL}test_iptables_rules_never.py"
BPF = f"{_KERNEL}test_iptables_rules_bpf.py"
PREFIX = f"{_KERNEL}test_iptables_rules_prefix.py"
NFT_RARE = f"{_KERNEL}test_nft_rules_rare.py"
OF_CONNECTIONS = f"{_KERNEL}test_rules_of_connections.py"
OF_ROUTES = f"{_KERNEL}test_rules_of_routes.py"
NFT_SELDOM = f"{_KERNEL}test_nft_rules_seldom.py"
NATIVE = f"{_KERNEL}test_netfilter_walk_native.py"
DRAWN = f"{_KERNEL}test_nft_random.py"
ELSEWHERE = f"{_KERNEL}guest/test_nft_elsewhere.py"
LINK, AT_BRIDGES = f"{_KERNEL}test_nft_link_rules.py", f"{_KERNEL}test_traps_link_rules.py"
BRIDGE = f"{_KERNEL}test_traps_bridge.py"
VXLAN_PROXY = f"{_KERNEL}test_traps_vxlan_proxy.py"
EBTABLES = f"{_KERNEL}test_traps_ebtables.py"
AT_DEVICES = f"{_KERNEL}test_traps_device_rules.py"
FLOWTABLE = f"{_KERNEL}guest/test_flowtable.py"
GUEST, FAULTS = f"{_KERNEL}guest/test_ipvs.py", f"{_KERNEL}test_faults.py"
VLAN = f"{_KERNEL}guest/test_vlan.py"
DUMMY = f"{_KERNEL}guest/test_dummy.py"
IP_TUNNELS = f"{_KERNEL}guest/test_ip_tunnels.py"
LAYERED, BOND = f"{_KERNEL}guest/test_layered.py", f"{_KERNEL}guest/test_bond.py"
IFB = f"{_KERNEL}guest/test_ifb.py"
GENEVE = f"{_KERNEL}guest/test_geneve.py"
IPVLAN_L3 = f"{_KERNEL}guest/test_ipvlan_l3.py"
IP6_TUNNELS = f"{_KERNEL}guest/test_ip6_tunnels.py"
VRF = f"{_KERNEL}guest/test_vrf.py"
WIREGUARD = f"{_KERNEL}guest/test_wireguard.py"
TUN, EXTERNAL = f"{_KERNEL}test_traps_tun.py", f"{_KERNEL}test_traps_external.py"
SCHEDULERS = "tests/netstack/test_ipvs.py"

MATCHES: dict[str, str] = {
    RULES: "comment dscp ecn hl icmp icmp6 iprange length limit mac mark multiport physdev pkttype sctp "
    "statistic tcp tos ttl udp",
    LOCAL: "addrtype cgroup owner rpfilter",
    METER: "connbytes connlimit hashlimit nfacct quota",
    MSS: "tcpmss",
    RARE: "ah connlabel cpu dccp devgroup dst esp frag hbh helper ipv6header rt socket string time u32",
    RECENT: "recent",
    CONNTRACK: "connmark conntrack state",
    IPSET: "set",
    GUEST: "ipvs",
    OF_ROUTES: "realm",
    f"{_KERNEL}guest/test_ipsec_rules.py": "policy",
    NEVER: "cluster eui64 ipcomp mh srh",
    BPF: "bpf",
    "": "osf rateest udplite",
}
MATCH_NOTES = {
    "connbytes": "a connection's first packet; later ones are unknown",
    "connlabel": "whether a connection from the dump without labels can be given one is unknown",
    "ipcomp": "of IPComp unknown; other packets never match",
    "mh": "of mobility headers unknown; other packets never match",
    "bpf": "`--bytecode`, where the model holds the bytes",
    "connlimit": "as if this were the only connection; said so",
    "cpu": "both ways are followed",
    "hashlimit": "meets an idle meter; said so",
    "limit": "meets an idle meter; said so",
    "cgroup": "by path; the class of net_cls is unknown",
    "nfacct": "as if its object had no quota; said so",
    "policy": "`--dir out` is unknown where policies have marks; `--spi` as on little-endian machines",
    "quota": "not used up by others; said so",
    "realm": "unknown where IPsec seals packets, and of a route that several rules with realms lead to",
    "recent": "by the lists that were collected",
    "statistic": "a random choice with its share",
    "string": "in a packet without data; else unknown",
    "time": "for the moment of the snapshot; said so",
    "u32": "where the model holds the bytes",
}
TARGETS: dict[str, str] = {
    RULES: "DSCP HL MARK TCPMSS TOS TTL",
    CHAINS: "ACCEPT DROP RETURN",
    CONNTRACK: "CONNMARK",
    WALK: "DNAT MASQUERADE NETMAP NOTRACK REDIRECT REJECT SNAT",
    ZONES: "CT",
    RARE: "TPROXY",
    PREFIX: "DNPT SNPT",
    OBSERVE: "AUDIT CHECKSUM CLASSIFY CONNSECMARK ECN IDLETIMER LOG NFLOG RATEEST SET TCPOPTSTRIP TEE TRACE",
    "": "CLUSTERIP LED NFQUEUE QUEUE SECMARK SYNPROXY ULOG",
}
TARGET_NOTES = {
    "DNPT": "what is made of ICMP errors is unknown",
    "SNPT": "what is made of ICMP errors is unknown",
    "SYNPROXY": "it answers in the place of the server",
    "SET": "what the set holds from then on is unknown",
    "TPROXY": "dropped without a transparent socket; what a proxy does is unknown",
    "TEE": "the copy is not followed",
}


@dataclass(frozen=True, slots=True)
class Native:
    """Of nft: how it is written, its JSON, and what proves it."""

    name: str
    json: object
    proof: str = ""
    limits: str = ""


def _payload(protocol: str, name: str) -> object:
    return {"payload": {"protocol": protocol, "field": name}}


_PROXY = "the rule ends without a transparent socket; what a proxy does is unknown"
_HELD = "where the model holds the bits"
_IN = "of what leaves unknown, and the mark of connections that begin"
_FIRST = "a connection's first packet; later ones are unknown"
_SEALED = "unknown where IPsec seals packets"
_REALMS = f"{_SEALED}, and of a route that several rules with realms lead to"
HASHED = "a random choice; the same input has the same result again, with up to 64 of them"
LATER = "where a rule would stop later packets, and whether a SYN-ACK makes a flow, is unknown"
_NOT_IN_A_DUMP = {
    "cgroup": "net_cls class of the sender's socket; of other packets it is absent, and the rule ends",
    "priority": "what sockets and devices set",
    "cpu": "both ways are followed",
    "time": "as `hour` and `day`: nft lists them in the time zone of the agent",
    "random": "both ways are followed",
}
EXPRESSIONS = (
    Native("ip saddr, daddr, ttl, length, dscp", _payload("ip", "saddr"), NFT),
    Native("ip6 saddr, daddr, hoplimit, dscp", _payload("ip6", "saddr"), NFT),
    Native("ether saddr, daddr", _payload("ether", "saddr"), NFT),
    Native("tcp sport, dport, flags", _payload("tcp", "flags"), NFT),
    Native("udp, sctp sport, dport", _payload("udp", "dport"), NFT),
    Native("th sport, dport", _payload("th", "dport"), NFT),
    Native("icmp, icmpv6 type, code", _payload("icmp", "type"), NFT),
    Native("arp operation, saddr, daddr, htype", _payload("arp", "operation"), LINK),
    Native("vlan id, type", _payload("vlan", "id"), LINK),
    Native("meta ibrname, obrname", {"meta": {"key": "ibrname"}}, ELSEWHERE),
    Native("meta ibrpvid, ibrvproto", {"meta": {"key": "ibrpvid"}}),
    Native("esp, ah spi", _payload("esp", "spi"), NFT_RARE),
    Native("comp cpi", _payload("comp", "cpi"), NFT_RARE, "of IPComp unknown; other packets have none"),
    Native("@ll, @nh, @th raw payload", {"payload": {"base": "nh", "offset": 0, "len": 8}}, NFT_RARE, _HELD),
    *(
        Native(f"meta {key}", {"meta": {"key": key}}, NFT)
        for key in ("mark", "length", "l4proto", "protocol", "iif", "iifname", "oifname", "pkttype", "skuid")
    ),
    *(
        Native(f"meta {key}", {"meta": {"key": key}}, NFT_SELDOM)
        for key in ("nfproto", "iifgroup", "iifkind")
    ),
    Native("meta ipsec", {"meta": {"key": "ipsec"}}, ELSEWHERE),
    *(Native(f"meta {key}", {"meta": {"key": key}}, "", why) for key, why in _NOT_IN_A_DUMP.items()),
    *(Native(f"ct {key}", {"ct": {"key": key}}, NFT) for key in ("state", "mark", "status", "direction")),
    Native("ct original proto-dst", {"ct": {"key": "proto-dst", "dir": "original"}}, NFT),
    *(Native(f"ct {key}", {"ct": {"key": key}}, NFT_SELDOM) for key in ("zone", "protocol")),
    Native("ct expiration", {"ct": {"key": "expiration"}}, "", "the packet itself has put it off"),
    Native("ct id", {"ct": {"key": "id"}}, "", "a hash with a seed that nobody can read"),
    *(Native(f"ct {key}", {"ct": {"key": key}}, OF_CONNECTIONS, _FIRST) for key in ("bytes", "packets")),
    Native("ct avgpkt", {"ct": {"key": "avgpkt"}}, OF_CONNECTIONS, _FIRST),
    Native("ct label", {"ct": {"key": "label"}}, OF_CONNECTIONS, "names of connlabel.conf are unknown"),
    Native("ct helper", {"ct": {"key": "helper"}}, f"{_KERNEL}test_traps_expectations.py"),
    Native("fib saddr, daddr type", {"fib": {"result": "type", "flags": ["daddr"]}}, FIB),
    Native("fib saddr, daddr . mark . iif oif", {"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, FIB),
    Native("rt mtu", {"rt": {"key": "mtu"}}, NFT_SELDOM),
    Native("rt nexthop", {"rt": {"key": "nexthop", "family": "ip"}}, OF_ROUTES, _SEALED),
    Native("rt classid, meta rtclassid", {"rt": {"key": "classid"}}, OF_ROUTES, _REALMS),
    Native("socket transparent, mark, wildcard", {"socket": {"key": "transparent"}}, NFT_RARE, _IN),
    Native("numgen random", {"numgen": {"mode": "random", "mod": 3, "offset": 0}}, DRAWN),
    Native("jhash", {"jhash": {"mod": 2, "expr": _payload("ip", "saddr")}}, DRAWN, HASHED),
    Native("symhash", {"symhash": {"mod": 2}}, DRAWN, HASHED),
    Native("tcp option maxseg size", {"tcp option": {"name": "maxseg", "field": "size"}}, NFT),
    Native(
        "tcp option sack-perm", {"tcp option": {"name": "sack-perm"}}, "", "of TCP; other packets lack it"
    ),
    Native("exthdr frag", {"exthdr": {"name": "frag"}}, NFT_SELDOM),
    Native("exthdr hbh, dst, rt, mh", {"exthdr": {"name": "hbh"}}, NFT_RARE),
    Native("ip option", {"ip option": {"name": "lsrr"}}, NFT_RARE),
    Native(
        "sctp chunk", {"sctp chunk": {"name": "init"}}, NFT_RARE, "of SCTP unknown; other packets have none"
    ),
    Native("osf name", {"osf": {"key": "name"}}),
    Native(
        "ipsec in reqid, spi, saddr, daddr", {"ipsec": {"key": "reqid", "dir": "in", "spnum": 0}}, NFT_RARE
    ),
    Native(
        "ipsec out reqid, rt ipsec",
        {"ipsec": {"key": "reqid", "dir": "out", "spnum": 0}},
        OF_ROUTES,
        "unknown where policies of IPsec have marks; what is sealed is proven for `-m policy`",
    ),
    Native("concatenation", {"concat": [_payload("ip", "saddr"), _payload("tcp", "dport")]}, NFT),
    Native("and, or, xor, shift", {"&": [{"meta": {"key": "mark"}}, 1]}, NFT),
)
_MARK: object = {"meta": {"key": "mark"}}
STATEMENTS = (
    Native("match", {"match": {"op": "==", "left": _MARK, "right": 1}}, NFT),
    Native("accept, drop, return, jump, goto", {"drop": None}, NATIVE),
    Native("vmap", {"vmap": {"key": _MARK, "data": {"set": [[1, {"drop": None}]]}}}, NATIVE),
    Native("dnat", {"dnat": {"family": "ip", "addr": "10.0.0.1", "port": 80}}, NATIVE),
    Native("snat", {"snat": {"family": "ip", "addr": "10.0.0.1"}}, NATIVE),
    Native("masquerade", {"masquerade": {"flags": "random"}}, NATIVE),
    Native("redirect", {"redirect": {"port": 80}}, NATIVE),
    Native("reject", {"reject": {"type": "icmp", "expr": "port-unreachable"}}, NATIVE),
    Native("meta mark set", {"mangle": {"key": _MARK, "value": 1}}, NFT),
    Native("ct mark set", {"mangle": {"key": {"ct": {"key": "mark"}}, "value": 1}}, NFT),
    Native("ct zone set", {"mangle": {"key": {"ct": {"key": "zone"}}, "value": 1}}, NATIVE),
    Native("ip ttl set, ip dscp set", {"mangle": {"key": _payload("ip", "ttl"), "value": 1}}, NFT),
    Native(
        "tcp option maxseg size set",
        {"mangle": {"key": {"tcp option": {"name": "maxseg", "field": "size"}}, "value": 1200}},
        NFT,
    ),
    Native(
        "ether saddr set", {"mangle": {"key": _payload("ether", "saddr"), "value": "02:00:00:00:00:09"}}, LINK
    ),
    Native("meta pkttype set", {"mangle": {"key": {"meta": {"key": "pkttype"}}, "value": "host"}}, LINK),
    Native("counter, log", {"counter": {"packets": 0, "bytes": 0}}, NFT),
    Native("limit", {"limit": {"rate": 1, "per": "second", "burst": 5}}, NFT),
    Native("quota", {"quota": {"val": 100, "val_unit": "bytes"}}, NFT_SELDOM),
    Native("ct count", {"ct count": {"val": 3}}, NFT_RARE, "as if this were the only connection; said so"),
    Native("notrack", {"notrack": None}, AT_DEVICES),
    Native(
        "add, update a set",
        {"set": {"op": "add", "elem": _payload("ip", "saddr"), "set": "@known"}},
        NATIVE,
        "what is taken out, and what maps lead to then, is unknown",
    ),
    Native("queue", {"queue": {"num": 1}}),
    Native("tproxy", {"tproxy": {"family": "ip", "port": 80}}, NFT_RARE, _PROXY),
    Native("synproxy", {"synproxy": {"mss": 1460}}),
    Native("dup", {"dup": {"addr": "10.0.0.1", "dev": "eth0"}}, AT_DEVICES),
    Native("fwd to a device", {"fwd": {"dev": "dev"}}, AT_DEVICES),
    Native("fwd to an address", {"fwd": {"dev": "dev", "addr": "10.0.0.1", "family": "ip"}}),
    Native("flow add", {"flow": {"op": "add", "flowtable": "@f"}}, FLOWTABLE, LATER),
    Native("xt: comment, LOG", {"xt": {"type": "match", "name": "comment"}}, NATIVE),
)
SET_TYPES: dict[str, str] = {
    IPSET: "bitmap:ip bitmap:ip,mac bitmap:port hash:ip hash:ip,port hash:ip,port,ip hash:ip,port,net "
    "hash:net hash:net,port hash:net,iface list:set",
    f"{_KERNEL}guest/test_sets.py": "hash:mac hash:ip,mac hash:ip,mark hash:net,net hash:net,port,net",
}
DEVICES: dict[str, str] = {
    FAULTS: "physical veth bridge vxlan loopback",
    DUMMY: "dummy",
    IP_TUNNELS: "ipip sit gre gretap",
    VLAN: "vlan",
    LAYERED: "macvlan macvtap",
    BOND: "bond",
    IFB: "ifb",
    GENEVE: "geneve",
    IPVLAN_L3: "ipvlan",
    IP6_TUNNELS: "ip6tnl ip6gre ip6gretap",
    VRF: "vrf",
    WIREGUARD: "wireguard",
    TUN: "tun",
    "": "virtio_net netkit",
    f"{_KERNEL}guest/test_team.py": "team",
}
DEVICE_NOTES = {
    "bond": "which port a hash chooses is not computed, each is followed",
    "geneve": "with a remote of its own, or by routes (`encap ip`); programs and inherited TTLs are unknown",
    "gre": "with a remote of its own, or by routes (`encap ip`); what programs say is unknown",
    "gretap": "as gre",
    "ifb": "where one filter of tc (u32, matchall) sends all that comes in to it; others are unknown",
    "ip6gre": "with a remote of its own; fou, gue and external mode are unknown",
    "ip6gretap": "as ip6gre",
    "ip6tnl": "with a remote of its own; fou, gue and external mode are unknown",
    "ipip": "by its own remote or by routes; what programs say is unknown",
    "macvlan": "all modes; `nopromisc` of passthru, and `nodst` of source for others, are not looked at",
    "macvtap": "as macvlan; what the program that holds it does is unknown",
    "netkit": "no kernel at hand has it, and its programs decide; a policy that drops is known where none is",
    "sit": "with a remote of its own; 6to4 and ISATAP are unknown",
    "team": "which port a hash, a turn or chance chooses is not computed, each is followed; ports by queue, "
    "and dumps of older agents, which lack the options: unknown",
    "tun": "what the program at its other end does is unknown; without one there is no carrier",
    "vlan": "802.1Q and 802.1ad, tags above each other; rules of netdev and bridge for them are unknown",
    "vxlan": "in external mode by routes (`encap ip`); what programs say is unknown",
    "vrf": "as Linux 5.18 and later; rules of routing that name it are unknown",
    "wireguard": "whether two preshared keys are equal is not known; moved to another namespace: unknown",
}
IPVS_METHODS: dict[str, str] = {GUEST: "masquerade route", "": "local tunnel bypass"}
IPVS_SCHEDULERS: dict[str, str] = {
    GUEST: "rr wrr wlc sh dh fo lc sed nq lblc lblcr mh ovf",
    SCHEDULERS: "twos",
}


class Part(NamedTuple):
    """Of the kernel, as a row by itself."""

    name: str
    modelled: bool
    limits: str = ""
    proof: str = ""


ORACLE, TRACED = f"{_KERNEL}test_routing_oracle.py", f"{_KERNEL}test_routing_trace.py"
MULTIPATH, ROUTED_IN = f"{_KERNEL}test_routing_multipath.py", f"{_KERNEL}test_routing_input.py"
_MTU, _OUTPUT = f"{_KERNEL}test_traps_mtu.py", f"{_KERNEL}test_traps_output.py"
ROUTING = (
    Part("rules: from, to, iif, oif, fwmark with mask, tos, uidrange, not", True, "", ORACLE),
    Part("rules: ipproto, sport, dport, tun_id", True, "", ORACLE),
    Part("rules: dscp, flowlabel, masks of ports", False, "where the rest of the rule matches"),
    Part("rules: l3mdev", True, "as Linux 5.18 and later", VRF),
    Part("rules: lookup, goto, nop, blackhole, unreachable, prohibit", True, "", ORACLE),
    Part("rules: suppress_prefixlength, suppress_ifgroup", True, "", ORACLE),
    Part("which tables are asked, in which order", True, "", TRACED),
    Part("prefixes, metrics, TOS, preference, types of routes, throw", True, "", ORACLE),
    Part("onlink, IPv4 by an IPv6 gateway, link states", True, "", ORACLE),
    Part("nexthop objects and groups", True, "", ORACLE),
    Part("hosts of IPv6 that pass over gateways that did not answer", True, "", ORACLE),
    Part("resilient groups", True, "by the buckets that they have", f"{_KERNEL}test_collect_owners.py"),
    Part("multipath: shares, fib_multipath_hash_policy 0 to 3", True, "", MULTIPATH),
    Part("multipath for the inner packet of a tunnel", True, "the outer one stands for it"),
    Part("encapsulations of routes: ip", True, "one nexthop", EXTERNAL),
    Part("encapsulations of routes (seg6, mpls, bpf)", False),
    Part("mtu and mtu lock of routes", True, "", _MTU),
    Part("learned path MTUs", True, "", f"{_KERNEL}test_collect_learned.py"),
    Part("redirects that were taken", True, "", f"{_KERNEL}test_routing_redirects.py"),
    Part("martians, rp_filter, route_localnet, accept_local, src_valid_mark", True, "", ROUTED_IN),
    Part("their values for all and for a device", True, "", ORACLE),
    Part("source of IPv4: prefsrc, secondary, narrow and peer addresses", True, "", ORACLE),
    Part("source of IPv6: RFC 6724 with labels, deprecated addresses", True, "", ORACLE),
    Part("source of IPv6: temporary addresses", True, "", f"{_KERNEL}test_routing_temporary.py"),
)
_PROXY = "tests/kernel/test_traps_bridge_proxy.py"
_ARP, _ND = "tests/kernel/test_traps_neighbour.py", "tests/kernel/test_traps_discovery.py"
_ND_BRIDGE, _ROUTERS = "tests/kernel/test_traps_discovery_bridge.py", "tests/kernel/test_traps_routers.py"
NEIGHBOURS = (
    Part("ARP", True, "", _ARP),
    Part("proxy_arp", True, "", _ARP),
    Part("neighbour solicitation", True, "the first one, to the group", _ND),
    Part("neighbour advertisement", True, "of two answers either may count: unknown", _ND),
    Part("proxy_ndp", True, "", _ND),
    Part("anycast of a subnet", True, "", _ND),
    Part("duplicate address detection", True, "by the state of an address; none is begun", _ND),
    Part("multicast snooping", True, "unknown where there is a querier and nobody has joined", _ND_BRIDGE),
    Part("neigh_suppress, proxy_arp, proxy_arp_wifi of bridge ports", True, "", _PROXY),
    Part("router advertisements", True, "the routes and addresses that came of them", _ROUTERS),
)
IPVS_SETTINGS = (
    Part("conntrack, snat_reroute, nat_icmp_send, drop_packet 0 and 3, am_droprate", True, "", GUEST),
    Part("sloppy_tcp", True),
    Part("drop_packet 1", True, "memory is taken not to be short"),
    Part("drop_packet 2, backup_only, schedule_icmp", False, "where they may decide"),
    Part(
        "conn_reuse_mode, expire_nodest_conn, expire_quiescent_template",
        False,
        "they decide about connections that are there, which are not collected: new ones are judged",
    ),
)
_NEIGHBOURS_FULL = f"{_KERNEL}guest/test_neighbour_table_full.py"
_FULL, _STALE = f"{_KERNEL}guest/test_conntrack_full.py", f"{_KERNEL}test_services_stale.py"
_EXPECTED = (
    "by what was expected when the node was read; unknown where the helper translates it, and at the ends of "
    "what a helper reads in dumps of older agents"
)
_SOCKET, _CONNECTION = f"{_KERNEL}test_traps_socket.py", f"{_KERNEL}test_traps_connection.py"
_HALF_OPEN = "unknown at the limit itself, and in the last quarter of tcp_max_syn_backlog"
CONNECTIONS = (
    Part("where it runs, states, direction, statuses, marks", True, "", TRACKING),
    Part("segments without an entry, nf_conntrack_tcp_loose", True, "", WALK),
    Part("windows of TCP, nf_conntrack_tcp_be_liberal", True, "every segment is in its window", _CONNECTION),
    Part("zones, of one direction or both", True, "", ZONES),
    Part("entries that are there", True, "at most 100,000 of a namespace", _STALE),
    Part("RELATED: ICMP errors", True, "", WALK),
    Part("RELATED: what a helper expects", True, _EXPECTED, f"{_KERNEL}test_traps_expectations.py"),
    Part("a full table", True, "unknown where an entry may give way", _FULL),
    Part(
        "a full table of neighbours (gc_thresh3)",
        True,
        "unknown where not all were read, and of IPv6 where some may give way",
        _NEIGHBOURS_FULL,
    ),
    Part("a full queue of a listener", True, "", _SOCKET),
    Part("half-open connections without SYN cookies", True, _HALF_OPEN, _SOCKET),
)
LINK_HOOKS = (
    Part("bridge prerouting, input, forward, output, postrouting", True, "", AT_BRIDGES),
    Part(
        "connections of what is bridged (nf_conntrack_bridge)",
        True,
        "fragments are unknown, and what br_netfilter would translate",
        f"{_KERNEL}guest/test_bridge_conntrack.py",
    ),
    Part("their order with br_netfilter", True, "at its own priority, 0, both are followed", AT_BRIDGES),
    Part("netdev ingress, egress", True, "the kernel lets no rule ask conntrack there", AT_DEVICES),
    Part("inet ingress", True, "", AT_DEVICES),
    Part("arp input, output", True, "", AT_DEVICES),
    Part("arptables-nft", True, "", AT_DEVICES),
    Part("arptables-legacy", True, "mangle, CLASSIFY, MARK are unknown", AT_DEVICES),
    Part("ebtables-nft", True, "dnat, redirect, arpreply, among, stp, IP options are unknown", EBTABLES),
    Part("ebtables-legacy", False, "if a table of it is loaded: to list it would make it in each namespace"),
    Part("reject at bridges", True, "the answer goes out by the port", ELSEWHERE),
    Part("reject at devices", True, "", AT_DEVICES),
    Part("rules of IP behind a VLAN tag", True, "unknown in dumps of older agents", LINK),
)
_STATES = "keys are not collected, and taken to be equal; said so"
_IPSEC, _ESP = f"{_KERNEL}test_traps_ipsec.py", f"{_KERNEL}guest/test_ipsec.py"
_NAT_T, _AH = f"{_KERNEL}guest/test_ipsec_nat.py", f"{_KERNEL}guest/test_ipsec_ah.py"
_ENCAP_SOCKET = (
    "that a socket takes ESP out (UDP_ENCAP) is in no dump: assumed of one on the port of a state with UDP, "
    "else unknown; that it has policies of its own likewise"
)
_BETWEEN = f"{_KERNEL}guest/test_ipsec_families.py"
IPSEC_PARTS = (
    Part("policies that block or allow, marks", True, "devices, xfrm interfaces are unknown", _IPSEC),
    Part("packets that come in plain where a policy wants them transformed", True, "", _IPSEC),
    Part("ESP in modes tunnel and transport: states, SPI, reqid, marks, selectors, MTU", True, _STATES, _ESP),
    Part("policies for what a tunnel brings (in, fwd), rp_filter", True, "", _ESP),
    Part("the same for IPv6 packets in IPv6", True, "", _ESP),
    Part("packets of one IP version in tunnels of the other", True, "", _BETWEEN),
    Part(
        "ESP in UDP (NAT-T), in IPv4 and IPv6: ports, rules, MTU, one end without it",
        True,
        _ENCAP_SOCKET,
        _NAT_T,
    ),
    Part("ESP in mode transport through NAT: checksums, in UDP and without", True, "", _NAT_T),
    Part(
        "programs' datagrams to a port of ESP in UDP, longer than 8 bytes",
        False,
        "unless they begin with zeros",
    ),
    Part("AH in modes tunnel and transport, its length, NAT on the way", True, _STATES, _AH),
    Part("AH in IPv6: what rules see, -m ah", True, "its connections are not proven", _AH),
    Part("IPv6 packets sealed in mode transport that must not be cut, and do not fit", True, "", _BETWEEN),
    Part("no state, and a key daemon listens", False, "it may negotiate one"),
    Part("IPComp, ESP in TCP, mode beet, two states for a packet", False),
    Part("replay windows, states that are used up, offload to a device", False),
    Part("xfrm and vti devices", False),
)
_NO_ARP = "neighbours behind them that nobody configured are unknown"
_OLD_STATES = "in dumps of older agents single VLANs are taken to forward, and MST is unknown"
_FOU = "sit, gretap and sizes are not proven; where a dump lacks the receiver's ports: unknown"
BRIDGE_PARTS = (
    Part("learning, flooding, hairpin, isolation, STP states, locked ports", True, "", BRIDGE),
    Part("VLAN filtering: PVID, untagged, membership of ports and bridge", True, "", VLAN),
    Part("forwarding entries of one VLAN", True, "", VLAN),
    Part("VLANs of bridges by service tags (802.1ad), two tags", True, "", VLAN),
    Part("STP states of single VLANs, MST", True, _OLD_STATES, VLAN),
    Part("vlan_tunnel", False),
    Part("vxlan proxy", True, "", VXLAN_PROXY),
    Part("vxlan l2miss, l3miss", False, "where the entry is missing, as a daemon may add it"),
    Part("vxlan, geneve, gre, ipip in external mode, by routes (`encap ip`)", True, _NO_ARP, EXTERNAL),
    Part("the same in ip6gre, ip6tnl; VNI filters; what programs and Open vSwitch say", False),
    Part("ipip, sit, gre, gretap in UDP (fou, gue)", True, _FOU, f"{_KERNEL}guest/test_fou.py"),
    Part("fou, gue: IPv6, external mode, remote checksums, packets that do not fit the port", False),
    Part("vxlan rsc, mdb", False),
)
