"""Tables of netlink: fields that are known, with numbers as they are, and texts replaced by their look.

Bytes of a known field become empty: what is in them is not known. So do fields that bear a number for a name,
since the agent did not know them either: that they were there matters.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from kubectl_skoop.snapshot.format import pack
from kubectl_skoop.snapshot.packed_rows import PackedRows
from kubectl_skoop.snapshot.records import AGES
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.listed import listed
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms

FIELDS = listed(
    """
    action active_conns active_slave addr addr_family address address6 advmss aead af af_spec ageing
    ageing_time algorithms all_slaves_active allmulti allocs allowed alt_ifname anycast associations
    attach attach_type attached auth backlog backup_nhid backup_port basic bc_queue_len bc_queue_len_used
    bcast_flood blackhole blocks bridge_id broadcast bucket buckets bytes cacheinfo carrier
    carrier_changes carrier_down_count carrier_up_count cc_algo cgroup cgroup_id chain chains change
    clntref collect_metadata collisions compat config config_pending confirmed cookie cost counters_orig
    counters_reply created cwnd data designated_cost designated_port destinations destroys device devices
    df dir direction dport dport_mask dport_range drops drv_prog_id dscp dscp_mask dst dst_len dst_port
    egress_block enc encap encap_dport encap_flags encap_limit encap_sport encap_type end endpoint entries
    entry_size error expires expressions family fast_leave fastopen_no_cookie fdb fdb_ext_attrs
    fdb_max_learned fdb_n_learned features flags flags_ext flags_original flow flowinfo flowlabel
    flowlabel_mask forced_gc_runs forward_delay forward_delay_timer function fwd_method fwmark fwmask
    gateway gbp gc_interval gc_timer generation_after generation_before goto gpe gro_ipv4_max_size
    gro_max_size group group6 group_addr group_fwd_mask group_type gso_ipv4_max_size gso_max_segs
    gso_max_size guard hairpin handle hash_grows headroom hello_time hello_timer help helper high hits
    hold_timer hook hoplimit hops hw_offload hw_prog_id icmp_code icmp_id icmp_type id idle_time idle_timer
    if if_id ifa_flags ifalias ifindex iflags ifname ignore_df iif iifname ikey inact_conns index info
    ingress_block initcwnd initrwnd inner_proto_inherit inode ip ip_proto isolated keepalive key_digest
    key_len kind l2miss l3mdev l3miss l_thresh label label_policy labels last_flush last_handshake
    last_rand lastuse learning learning_sync limit link link_failure_count link_netnsid linkinfo linkmode
    links listen_port lladdr local local6 localbypass lock locked lookups low mab macaddr_count macs map
    mark mark_value mask master max_age max_mtu mcast_eht_hosts_cnt mcast_eht_hosts_limit mcast_flood
    mcast_hash_elasticity mcast_hash_max mcast_igmp_version mcast_max_groups mcast_mld_version
    mcast_n_groups mcast_querier mcast_querier_state mcast_query_use_ifaddr mcast_router mcast_snooping
    mcast_stats_enabled mcast_to_ucast mdb message_age_timer metrics mii_status miimon min_mtu mode module
    more mrp_in_open mrp_ring_open mtu multi_boolopt multi_queue multicast multicast_router multipath name nat
    neigh_suppress neigh_vlan_suppress netmask netns netns_immutable new_netnsid newdst nf_call_arptables
    nf_call_ip6tables nf_call_iptables nh_id no nsid num num_disabled_queues num_queues num_rx_queues
    num_tx_queues num_vf offload oflags oif oifname okey op_flags operstate optional options optmask
    optval orig out_ifindex overlimits owner packets packets64 parent parent_dev_bus_name parent_dev_name
    peer_policy peers periodic_gc_runs perm_address persist persist_conns phys_port_id phys_port_name
    phys_switch_id pi pmtudisc policies policy port port6 port_mask port_range position pref preferred
    prefixlen prefsrc preshared primary priority probes prog_id program programs promiscuity prop_list protect
    protinfo proto proto_down protocol protocol_version protoinfo proxy proxy_qlen proxyarp proxyarp_wifi
    qdisc qlen queue quickack range rcv_probes_mcast rcv_probes_ucast received refcnt remcsum_nopartial
    remcsum_rx remcsum_tx remote remote6 reordering reply reqid requeues res_failed resilient retransmits
    revision root_id root_path_cost root_port router rqueue rsc rt_priority rto_min rtt rttvar rules
    rx_bytes rx_compressed rx_crc_errors rx_dropped rx_errors rx_fifo_errors rx_frame_errors
    rx_length_errors rx_missed_errors rx_over_errors rx_packets sched_name scope sctp selector sent
    sequence set_mark set_mask shutdown skb_prog_id skv6only slave_data slave_kind sockopt source_bits sources
    spi sport sport_mask sport_range src src_len src_port src_vni ssthresh start state states stats stats2
    stats64 status stop stp_state suppress_ifgroup suppress_prefixlen table table_fulls tables tag_bits
    tailroom target_netnsid tcn_timer tcp templates thresh1 thresh2 thresh3 timeout timer timestamp
    topology_change topology_change_ack topology_change_detected topology_change_timer tos transforms ts
    tsage tso_max_segs tso_max_size ttl ttl_inherit ttl_propagate tun_flags tun_id tun_port tun_type tuple
    tx_aborted_errors tx_bytes tx_carrier_errors tx_compressed tx_dropped tx_errors tx_fifo_errors
    tx_heartbeat_errors tx_packets tx_window_errors txqlen type u_thresh udp_csum udp_zero_csum6_rx
    udp_zero_csum6_tx uid uid_range unbalanced_time unbalanced_timer unicast_flood updated use used
    used_up userdata valid value via vid vlan vlan_default_pvid vlan_filtering vlan_info vlan_protocol
    vlan_stats_enabled vlan_stats_per_port vlan_tunnel vnet_hdr vni vnifilter vnis vtag_original
    vtag_reply weight window wqueue wscale_original wscale_reply xdp xmit_hash_policy xstats zone
    """
)
ALIKE = frozenset({"routes", "neighbours", "fdb"})
"""Tables whose rows other nodes have, too."""
_NUMBERS = frozenset({bool, int, float, type(None)})
MOST_ROWS = 50_000
"""That are kept: about 50 MB."""
NAMED = frozenset(["ifalias", "parent_dev_name", "parent_dev_bus_name", "phys_port_name", "alt_ifname"])
"""Texts that are names whatever they look like."""
WORDS = listed(
    """
    veth bridge vxlan dummy bond macvlan macvtap ipvlan ipvtap ipip gre gretap ip6gre ip6gretap ip6tnl sit
    vti vti6 tun tap wireguard vrf vlan geneve ifb team nlmon openvswitch vcan can batadv hsr erspan
    ip6erspan xfrm netkit netdevsim noqueue pfifo_fast fq fq_codel mq mqprio htb tbf ingress clsact noop
    pfifo bfifo cake sfq prio netem etf taprio u32 flower bpf matchall basic fw route cgroup flow rr wrr
    lc wlc lblc lblcr dh sh sed nq fo ovf mh twos reno cubic bbr dctcp in out fwd block allow netfilter
    socket-in socket-out arp_cache ndisc_cache
    xdp tcx netns tracing iter perf_event struct_ops egress flow_dissector sk_lookup
    ecb(cipher_null) cbc(aes) cbc(des3_ede) cbc(camellia) rfc3686(ctr(aes)) rfc4106(gcm(aes))
    rfc4309(ccm(aes)) rfc4543(gcm(aes)) rfc7539esp(chacha20,poly1305) digest_null hmac(md5) hmac(sha1)
    hmac(sha256) hmac(sha384) hmac(sha512) xcbc(aes) cmac(aes)
    *NOMODE* activebackup broadcast loadbalance roundrobin random hash hash_to_port_mapping
    mode activeport enabled user_linkup user_linkup_enabled queue_id priority notify_peers_count
    notify_peers_interval mcast_rejoin_count mcast_rejoin_interval bpf_hash_func lb_tx_method lb_port_stats
    lb_stats_refresh_interval
    """
)
"""Kinds of devices, queues, filters, schedulers, programs; ciphers and digests; options of team devices."""
FLAG_BYTES = frozenset({"sockopt"})
"""Bytes that are bits of a socket's options."""
GROUPS = frozenset(
    ["kubepods", "kubepods.slice", "system.slice", "user.slice", "init.scope", "kubelet.slice"]
)
"""Control groups of every node."""
_KERNEL = re.compile(
    r"(?:nf|nft|ipt|ip6t|iptable|ip6table|xt|ip_vs|br|br_nf|ebt|arpt|ipv4|ipv6|selinux)_[a-z0-9_]+"
)
"""Functions and modules of the kernel's own."""
DROPPED = frozenset({"cookie", "cgroup_id", "userdata", "rx_bytes", "tx_bytes"})
"""Known, and of no use to a diagnosis."""


def rows(data: object, pseudonyms: Pseudonyms, left_out: LeftOut, where: str) -> object:
    """A table of rows, or one map."""
    if isinstance(data, PackedRows):
        kept = PackedRows()
        for row in data:
            kept.append(_value("", row, pseudonyms, left_out, where))
        return kept
    if where in ALIKE and isinstance(data, list):
        return [redact_row(row, pseudonyms, left_out, where) for row in data]
    return _value("", data, pseudonyms, left_out, where)


def redact_row(row: object, pseudonyms: Pseudonyms, left_out: LeftOut, where: str) -> object:
    """Kept for the next node where all of it could be kept; ages are each node's own."""
    if not isinstance(row, dict):
        return _value("", row, pseudonyms, left_out, where)
    ages = row.get(AGES)
    key = pack({name: value for name, value in row.items() if name != AGES})
    known = pseudonyms.rows.get(key)
    if known is None:
        before = left_out.total
        known = _value("", row, pseudonyms, left_out, where)
        if left_out.total == before and len(pseudonyms.rows) < MOST_ROWS:
            pseudonyms.rows[key] = known
    if ages is None or not isinstance(known, dict):
        return known
    return {**known, AGES: _value(AGES, ages, pseudonyms, left_out, where)}


def _value(field: str, value: object, pseudonyms: Pseudonyms, left_out: LeftOut, where: str) -> object:
    if type(value) in _NUMBERS:
        return value
    match value:
        case bytes():
            return value if field in FLAG_BYTES else b""
        case str():
            return _text(field, value, pseudonyms)
        case list():
            return [_value(field, item, pseudonyms, left_out, where) for item in value]
        case dict():
            return _map(value, pseudonyms, left_out, where)
        case _:
            return None


def _map(
    row: Mapping[str, object], pseudonyms: Pseudonyms, left_out: LeftOut, where: str
) -> Mapping[str, object]:
    kept: dict[str, object] = {}
    for key, value in row.items():
        field = _field_of(key)
        if field is None:
            left_out.add(where, "a field that is not known")
        elif field in DROPPED:
            continue
        elif type(value) in _NUMBERS:
            kept[key] = value
        elif isinstance(value, str):
            kept[key] = _network(row, field, value, pseudonyms) or _text(field, value, pseudonyms)
        else:
            kept[key] = _value(field, value, pseudonyms, left_out, where)
    return kept


@lru_cache(maxsize=1024)
def _field_of(key: str) -> str | None:
    """The field that a key names, of several that are alike with a number behind it; None: not known."""
    name = key.partition("#")[0]
    return name if name in FIELDS or name in DROPPED or name.isdecimal() else None


def _network(row: Mapping[str, object], field: str, text: str, pseudonyms: Pseudonyms) -> str:
    """`dst` with `dst_len` is a network: its first address stays the first. Empty: it is none."""
    length = row.get(f"{field}_len")
    if type(length) is not int:
        return ""
    try:
        return pseudonyms.masked(f"{text}/{length}").partition("/")[0]
    except ValueError:
        return ""


def _text(field: str, text: str, pseudonyms: Pseudonyms) -> str:
    if text in WORDS or (field in ("function", "module") and _KERNEL.fullmatch(text)):
        return text
    if field == "cgroup":
        return "/".join(part if part in GROUPS else pseudonyms.name(part) for part in text.split("/"))
    return pseudonyms.name(text) if field in NAMED else pseudonyms.scalar(text)
