"""Random changes of a working lab, as steps that `testing.breaking` reads: nobody chose what they break."""

from collections.abc import Callable
from random import Random

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.topology import ON_BRIDGE, TUNNELS

WRONG_MAC = "02:00:00:00:00:99"
CHAINS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}


def random_edit(random: Random, lab: ClusterLab) -> str:
    """A step that the lab's present state allows, most times; it may well change nothing that matters."""
    kinds: tuple[tuple[int, Callable[[Random, ClusterLab], str]], ...] = (
        (4, route_gone),
        (3, route_other),
        (2, policy_rule),
        (2, neighbour),
        (2, forwarding_entry),
        (3, link),
        (1, address_gone),
        (3, sysctl),
        (4, rule_gone),
        (5, rule_new),
        (1, policy),
        (2, native_rule),
    )
    weights = [weight for weight, _ in kinds]
    return random.choices([make for _, make in kinds], weights)[0](random, lab)


def place(random: Random, lab: ClusterLab) -> str:
    nodes, pods = (
        [each.name for each in lab.topology.nodes],
        [each.name for each in lab.topology.pods],
    )
    return random.choice(nodes if random.random() < 0.7 else pods)


def node(random: Random, lab: ClusterLab) -> str:
    return random.choice(lab.topology.nodes).name


def device(random: Random, lab: ClusterLab, where: str) -> str:
    lines = lab.namespace(where).run("ip", "-o", "link").splitlines()
    return random.choice([line.split(": ")[1].split("@")[0] for line in lines])


def address(random: Random, lab: ClusterLab) -> str:
    """Of a pod, a node, a service, or a network with some of them."""
    return random.choice(
        (
            *(pod.address for pod in lab.topology.pods),
            *(each.address for each in lab.topology.nodes),
            *(service.address for service in lab.topology.services),
            *(str(each.pod_cidr) for each in lab.topology.nodes),
            "10.96.0.0/12",
            "10.0.0.0/24",
        )
    )


def route(random: Random, lab: ClusterLab, where: str) -> str:
    lines = lab.namespace(where).run("ip", "route").splitlines()
    lines = [line.removesuffix(" linkdown") for line in map(str.strip, lines)] or ["default dev lo"]
    return random.choice(lines)


def route_gone(random: Random, lab: ClusterLab) -> str:
    where = place(random, lab)
    return f"{where}: ip route del {route(random, lab, where)}"


def route_other(random: Random, lab: ClusterLab) -> str:
    where = place(random, lab)
    kind = random.choice(("blackhole", "unreachable", "prohibit", "throw"))
    target = route(random, lab, where).split()[0]
    if random.random() < 0.5:
        return f"{where}: ip route replace {kind} {target if random.random() < 0.5 else address(random, lab)}"
    return f"{where}: ip route add {address(random, lab)} dev {device(random, lab, where)}"


def policy_rule(random: Random, lab: ClusterLab) -> str:
    where = place(random, lab)
    selector = random.choice(
        (
            f"from {address(random, lab)}",
            f"to {address(random, lab)}",
            f"iif {device(random, lab, where)}",
            f"oif {device(random, lab, where)}",
            "fwmark 0x4000/0x4000",
            f"ipproto tcp dport {random.choice((80, 8080, 53))}",
            "",
        )
    )
    actions = ("blackhole", "unreachable", "prohibit", "lookup 100", "lookup main suppress_prefixlength 0")
    priority = random.choice((10, 500, 32765, 32800))
    return f"{where}: ip rule add {selector} {random.choice(actions)} priority {priority}"


def neighbour(random: Random, lab: ClusterLab) -> str:
    """Permanent: what is learned changes by other flows of the lab, which are sent at the same time."""
    where = place(random, lab)
    target = address(random, lab).split("/")[0]
    entry = f"{target} lladdr {WRONG_MAC} dev {device(random, lab, where)}"
    return f"{where}: ip neigh replace {entry} nud permanent"


def forwarding_entry(random: Random, lab: ClusterLab) -> str:
    """Of the tunnel or the bridge, where there is one."""
    where = node(random, lab)
    if lab.mode in TUNNELS:
        name = TUNNELS[lab.mode]
        lines = lab.namespace(where).run("bridge", "fdb", "show", "dev", name).splitlines()
        lines = [line for line in lines if " dst " in line] or [f"{WRONG_MAC} dst 10.0.0.9 self permanent"]
        mac = random.choice(lines).split()[0]
        if random.random() < 0.5:
            return f"{where}: bridge fdb del {mac} dev {name}"
        return f"{where}: bridge fdb replace {mac} dev {name} dst 10.0.0.{random.choice((1, 2, 99))}"
    if lab.mode in ON_BRIDGE:
        pod = random.choice(lab.topology.pods)
        mac = random.choice((pod.mac, WRONG_MAC))
        return f"{pod.node.name}: bridge fdb replace {mac} dev {lab.host_device(pod)} master static"
    return neighbour(random, lab)


def link(random: Random, lab: ClusterLab) -> str:
    where = place(random, lab)
    name = device(random, lab, where)
    mtu = random.choice((1280, 1400, 1450, 9000))
    change = random.choice(("down", f"mtu {mtu}", "promisc on", "arp off"))
    if lab.mode in ON_BRIDGE and random.random() < 0.5:
        pod = random.choice(lab.topology.pods)
        option = random.choice(
            ("isolated on", "hairpin off", "hairpin on", "learning off", "flood off", "state 0", "guard on")
        )
        return f"{pod.node.name}: bridge link set dev {lab.host_device(pod)} {option}"
    return f"{where}: ip link set {name} {change}"


def address_gone(random: Random, lab: ClusterLab) -> str:
    where = place(random, lab)
    lines = lab.namespace(where).run("ip", "-o", "-4", "addr").splitlines()
    words = random.choice(lines).split()
    return f"{where}: ip addr del {words[3]} dev {words[1]}"


def sysctl(random: Random, lab: ClusterLab) -> str:
    where = place(random, lab)
    name = random.choice(("all", device(random, lab, where).replace(".", "/")))
    setting = random.choice(
        (
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
    )
    return f"{where}: sysctl {setting}"


def rule_gone(random: Random, lab: ClusterLab) -> str:
    where = node(random, lab)
    table, rules = "nat", []
    for line in lab.namespace(where).run(f"{lab.backend}-save").splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            rules.append(f"-t {table} -D {line[3:]}")
    return f"{where}: iptables {random.choice(rules)}" if rules else policy(random, lab)


def rule_new(random: Random, lab: ClusterLab) -> str:
    where = place(random, lab)
    table = random.choice(tuple(CHAINS))
    chain = random.choice(CHAINS[table])
    matches = [
        f"{random.choice(('', '! '))}-s {address(random, lab)}",
        f"{random.choice(('', '! '))}-d {address(random, lab)}",
        f"-p {random.choice(('tcp', 'udp', 'icmp'))}",
        f"-p tcp --dport {random.choice((80, 8080, 10250, 6443))}",
        f"-p tcp --sport {random.choice((80, 8080))}",
        "-p tcp --tcp-flags SYN,ACK SYN,ACK",
        f"-m mark --mark {random.choice(('0x4000/0x4000', '0x0'))}",
        "-m length --length 1000:",
        "-m addrtype --dst-type LOCAL",
    ]
    if table != "raw":
        states = ("NEW", "ESTABLISHED", "RELATED", "INVALID")
        matches.append(f"-m conntrack --ctstate {random.choice(states)}")
    targets = ("ACCEPT", "RETURN", *new_targets(random, lab, table, chain))
    return f"{where}: iptables -t {table} -I {chain} {random.choice(matches)} -j {random.choice(targets)}"


def new_targets(random: Random, lab: ClusterLab, table: str, chain: str) -> tuple[str, ...]:
    address_only = address(random, lab).split("/")[0]
    match table, chain:
        case "nat", "PREROUTING" | "OUTPUT":
            return (f"DNAT --to-destination {address_only}",)
        case "nat", "POSTROUTING":
            return ("MASQUERADE", f"SNAT --to-source {address_only}")
        case "filter", _:
            return ("DROP", "DROP", "REJECT", "REJECT --reject-with icmp-host-prohibited")
        case "raw", _:
            return ("DROP", "CT --notrack")
        case "mangle", _:
            return ("DROP", "MARK --set-xmark 0x4000/0x4000", "MARK --set-xmark 0x0/0xffffffff")
    return ()


def policy(random: Random, lab: ClusterLab) -> str:
    chain = random.choice(CHAINS["filter"])
    return f"{node(random, lab)}: iptables -P {chain} {random.choice(('DROP', 'ACCEPT'))}"


def native_rule(random: Random, lab: ClusterLab) -> str:
    hook = random.choice(("prerouting", "input", "forward", "output", "postrouting"))
    match = random.choice(
        (
            f"ip saddr {address(random, lab)}",
            f"ip daddr {address(random, lab)}",
            f"tcp dport {{ {random.choice((80, 8080))}, 6443 }}",
            "ct state established",
            "meta l4proto icmp",
            "fib daddr type local",
            "ip length > 1000",
            "meta mark & 0x4000 == 0x4000",
        )
    )
    shut = "drop" if hook in ("prerouting", "postrouting") else "reject"
    chain = f"type filter hook {hook} priority {random.choice((-310, -10, 10))} ; policy accept ;"
    commands = (
        "add table inet extra",
        f"add chain inet extra {hook} {{ {chain} }}",
        f"add rule inet extra {hook} {match} {random.choice(('drop', 'drop', 'accept', shut))}",
    )
    return f"{place(random, lab)}: nft '{'; '.join(commands)}'"
