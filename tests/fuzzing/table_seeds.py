"""Tables that no shipped snapshot has rows of."""


def rare_tables() -> dict[str, object]:
    tuple_ = {"ip": {"src": "10.0.0.1", "dst": "10.0.0.2"}, "proto": {"num": 6, "sport": 4000, "dport": 80}}
    return {
        "nexthops": [
            {"id": 1, "family": 2, "oif": 2, "gateway": "10.0.0.9", "scope": 0, "flags": 0},
            {"id": 2, "group": [{"id": 1, "weight": 0}], "group_type": 1},
            {"id": 3, "blackhole": True},
        ],
        "nexthop_buckets": [{"id": 2, "bucket": {"index": 0, "nh_id": 1, "idle_time": 0}}],
        "tc_filters": [{"ifindex": 2, "parent": 0xFFFFFFF2, "kind": "bpf", "info": 3, "protocol": 8}],
        "bpf": [{"ifindex": 2, "attach": "tcx/ingress", "programs": [1, 2]}],
        "bpf_links": [{"type": 10, "id": 1, "program": 2, "family": 2, "hook": 2, "priority": 0, "flags": 0}],
        "bpf_cgroups": [{"path": "/", "attached": {"connect4": [1]}}],
        "proxy_neighbours": [
            {"family": 2, "ifindex": 2, "dst": "10.0.0.7", "state": 0, "flags": 8, "type": 0}
        ],
        "route_exceptions": [
            {
                "family": 2,
                "dst_len": 32,
                "dst": "10.9.9.9",
                "table": 254,
                "flags": 512,
                "metrics": {"mtu": 1400},
            }
        ],
        "conntrack": [{"family": 2, "orig": tuple_, "reply": tuple_, "status": 14, "timeout": 30, "mark": 0}],
        "conntrack_cut": {"only": ["10.0.0.1", "10.0.0.1-10.0.0.2", "10.0.0.0/8"], "left_out": 0},
        "xt_recent": {
            "jiffies": 4_300_000_000,
            "lists": {"x": "src=10.0.0.1 ttl: 64 last_seen: 4299999000 oldest_pkt: 1 4299999000\n"},
        },
        "ipvs": [
            {
                "af": 2,
                "protocol": 6,
                "addr": "10.96.0.1",
                "port": 443,
                "sched_name": "rr",
                "flags": {"flags": 2, "mask": 0},
                "timeout": 0,
                "destinations": [{"addr": "10.0.0.1", "port": 6443, "weight": 1, "fwd_method": 0}],
            }
        ],
        "sysctls_unread": {"net.ipv4.ip_forward": "Permission denied"},
        "xfrm": {"policies": [{"dst": "10.0.0.0/8", "src": "", "direction": "out"}], "states": 1},
        "mdb": [{"family": 7, "ifindex": 3, "mdb": [{"address": "239.1.1.1", "ifindex": 4}]}],
        "nft_hooks": [
            {"family": 2, "hook": 1, "priority": 0, "chain": {"table": "t", "family": 2, "name": "c"}}
        ],
        "user_namespace": {"id": "4:5", "uid_map": "0 0 1\n", "gid_map": "0 0 1\n"},
        "wireguard": [{"ifindex": 5, "ifname": "wg0", "peers": [{"allowed": [{"address": "10.0.0.0"}]}]}],
        "team": [
            {
                "ifindex": 5,
                "options": [
                    {"name": "mode", "value": "activebackup"},
                    {"name": "activeport", "value": 2},
                    {"name": "enabled", "port": 2, "value": True},
                ],
            }
        ],
        "vlan_states": [
            {"ifindex": 5, "entries": [{"info": {"vid": 1, "flags": 0}, "range": 9, "state": 4}]}
        ],
        "fou": [{"port": 5555, "af": 2, "ip_proto": 4, "type": 1, "local": "0.0.0.0", "ifindex": 0}],
        "vxlan_vnis": [{"ifindex": 5, "vnis": [{"start": 1, "end": 2}]}],
    }
