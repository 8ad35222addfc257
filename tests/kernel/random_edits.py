"""Random changes of a working lab, as steps that `testing.breaking` reads: nobody chose what they break."""

from collections.abc import Callable
from random import Random

from kubectl_skoop.testing.topology import ON_BRIDGE
from tests.kernel.random_ground import Ground
from tests.kernel.random_rules import native_gone, native_rule, policy, rule_gone, rule_new, set_entry_gone

WRONG_MAC = "02:00:00:00:00:99"
STANDARD_RULES = ("lookup local", "lookup main", "lookup default")


def random_edit(random: Random, ground: Ground) -> str:
    """A step that the lab's present state allows, most times; it may well change nothing that matters."""
    kinds: tuple[tuple[int, Callable[[Random, Ground], str]], ...] = (
        (4, route_gone),
        (3, route_other),
        (2, policy_rule),
        (1, policy_rule_gone),
        (2, neighbour),
        (2, forwarding_entry),
        (3, link),
        (1, address_gone),
        (3, sysctl),
        (4, rule_gone),
        (5, rule_new),
        (1, policy),
        (2, native_rule),
        (1, set_entry_gone),
        (1, native_gone),
    )
    weights = [weight for weight, _ in kinds]
    return random.choices([make for _, make in kinds], weights)[0](random, ground)


def route(random: Random, ground: Ground, where: str, tables: str = "") -> str:
    lines = map(str.strip, ground.lines(where, f"{ground.ip} route show {tables}"))
    return random.choice([line.removesuffix(" linkdown") for line in lines] or ["default dev lo"])


def route_gone(random: Random, ground: Ground) -> str:
    where = ground.place(random)
    tables = "table all" if random.random() < 0.4 else ""
    return f"{where}: {ground.ip} route del {route(random, ground, where, tables)}"


def route_other(random: Random, ground: Ground) -> str:
    where = ground.place(random)
    kind = random.choice(("blackhole", "unreachable", "prohibit", "throw"))
    target = route(random, ground, where).split()[0]
    if random.random() < 0.5:
        target = target if random.random() < 0.5 else ground.address(random)
        return f"{where}: {ground.ip} route replace {kind} {target}"
    return f"{where}: {ground.ip} route add {ground.address(random)} dev {ground.device(random, where)}"


def policy_rule(random: Random, ground: Ground) -> str:
    where = ground.place(random)
    selector = random.choice(
        (
            f"from {ground.address(random)}",
            f"to {ground.address(random)}",
            f"iif {ground.device(random, where)}",
            f"oif {ground.device(random, where)}",
            "fwmark 0x4000/0x4000",
            f"ipproto tcp dport {random.choice((80, 8080, 53))}",
            "",
        )
    )
    actions = ("blackhole", "unreachable", "prohibit", "lookup 100", "lookup main suppress_prefixlength 0")
    priority = random.choice((10, 500, 32765, 32800))
    return f"{where}: {ground.ip} rule add {selector} {random.choice(actions)} priority {priority}"


def policy_rule_gone(random: Random, ground: Ground) -> str:
    """One that the plugin made, where it made any."""
    where = ground.node(random)
    lines = [line.split(":\t") for line in ground.lines(where, f"{ground.ip} rule show")]
    own = [(number, what.strip()) for number, what in lines if not what.strip().endswith(STANDARD_RULES)]
    if not own:
        return policy_rule(random, ground)
    number, what = random.choice(own)
    return f"{where}: {ground.ip} rule del {what.replace('from all ', '')} priority {number}"


def neighbour(random: Random, ground: Ground) -> str:
    """Permanent: what is learned changes by other flows of the lab, which are sent at the same time."""
    where = ground.place(random)
    entry = f"{ground.host(random)} lladdr {WRONG_MAC} dev {ground.device(random, where)}"
    return f"{where}: {ground.ip} neigh replace {entry} nud permanent"


def forwarding_entry(random: Random, ground: Ground) -> str:
    """Of the tunnel or the bridge, where there is one."""
    lab, where = ground.lab, ground.node(random)
    if ground.overlay:
        lines = ground.lines(where, f"bridge fdb show dev {ground.overlay}")
        lines = [line for line in lines if " dst " in line] or [f"{WRONG_MAC} dst 10.0.0.9 self permanent"]
        mac = random.choice(lines).split()[0]
        if random.random() < 0.5:
            return f"{where}: bridge fdb del {mac} dev {ground.overlay}"
        return f"{where}: bridge fdb replace {mac} dev {ground.overlay} dst {random.choice(ground.remotes)}"
    if lab.mode in ON_BRIDGE:
        pod = random.choice(lab.topology.pods)
        mac = random.choice((pod.mac, WRONG_MAC))
        return f"{pod.node.name}: bridge fdb replace {mac} dev {lab.host_device(pod)} master static"
    return neighbour(random, ground)


def link(random: Random, ground: Ground) -> str:
    lab, where = ground.lab, ground.place(random)
    name = ground.device(random, where)
    mtu = random.choice((1280, 1400, 1450, 9000))
    change = random.choice(("down", f"mtu {mtu}", "promisc on", "arp off"))
    if lab.mode in ON_BRIDGE and random.random() < 0.5:
        pod = random.choice(lab.topology.pods)
        options = ["isolated on", "hairpin off", "hairpin on", "learning off", "flood off", "state 0"]
        options += ["guard on", "mcast_flood off"] if ground.family == 6 else ["guard on"]
        return f"{pod.node.name}: bridge link set dev {lab.host_device(pod)} {random.choice(options)}"
    return f"{where}: ip link set {name} {change}"


def address_gone(random: Random, ground: Ground) -> str:
    where = ground.place(random)
    words = random.choice(ground.lines(where, f"ip -o -{ground.family} addr") or ["1: lo inet 127.0.0.1/8"])
    _, device, _, address, *_ = words.split()
    return f"{where}: ip addr del {address} dev {device}"


def sysctl(random: Random, ground: Ground) -> str:
    where = ground.place(random)
    name = random.choice(("all", ground.device(random, where).replace(".", "/")))
    settings = _settings4(random, name) if ground.family == 4 else _settings6(random, name)
    return f"{where}: sysctl {random.choice(settings)}"


def _settings4(random: Random, name: str) -> tuple[str, ...]:
    return (
        "net.ipv4.ip_forward=0",
        "net.bridge.bridge-nf-call-iptables=0",
        f"net.ipv4.conf.{name}.rp_filter={random.randint(0, 2)}",
        f"net.ipv4.conf.{name}.forwarding={random.randint(0, 1)}",
        f"net.ipv4.conf.{name}.arp_ignore={random.choice((1, 2, 8))}",
        f"net.ipv4.conf.{name}.arp_filter=1",
        f"net.ipv4.conf.{name}.arp_announce=2",
        f"net.ipv4.conf.{name}.proxy_arp={random.randint(0, 1)}",
        f"net.ipv4.conf.{name}.accept_local=1",
        f"net.ipv4.conf.{name}.route_localnet={random.randint(0, 1)}",
        f"net.ipv4.conf.{name}.src_valid_mark=1",
        "net.ipv4.tcp_mtu_probing=1",
        "net.ipv4.ip_nonlocal_bind=1",
        "net.netfilter.nf_conntrack_tcp_loose=0",
        "net.netfilter.nf_conntrack_tcp_be_liberal=1",
    )


def _settings6(random: Random, name: str) -> tuple[str, ...]:
    return (
        "net.ipv6.conf.all.forwarding=0",
        "net.bridge.bridge-nf-call-ip6tables=0",
        f"net.ipv6.conf.{name}.forwarding={random.randint(0, 1)}",
        f"net.ipv6.conf.{name}.disable_ipv6=1",
        f"net.ipv6.conf.{name}.proxy_ndp={random.randint(0, 1)}",
        f"net.ipv6.conf.{name}.hop_limit={random.choice((1, 2, 255))}",
        f"net.ipv6.conf.{name}.ignore_routes_with_linkdown=1",
        f"net.ipv6.conf.{name}.use_oif_addrs_only=1",
        "net.ipv6.ip_nonlocal_bind=1",
        "net.netfilter.nf_conntrack_tcp_loose=0",
    )
