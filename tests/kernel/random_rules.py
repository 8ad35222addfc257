"""Random changes of a lab's iptables, nftables and sets."""

from random import Random

from tests.kernel.random_ground import Ground

CHAINS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
PROXY = "ip kube-proxy"
"""The table of kube-proxy in nftables mode."""
PROXY_SETS = (
    "set cluster-ips",
    "set nodeport-ips",
    "set hairpin-connections",
    "map service-ips",
    "map service-nodeports",
    "map no-endpoint-services",
)
STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID")


def rule_gone(random: Random, ground: Ground) -> str:
    where = ground.node(random)
    table, rules = "nat", []
    for line in ground.lines(where, f"{ground.backend}-save"):
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            rules.append(f"-t {table} -D {line[3:]}")
    return f"{where}: {ground.backend} {random.choice(rules)}" if rules else policy(random, ground)


def rule_new(random: Random, ground: Ground) -> str:
    where = ground.place(random)
    table = random.choice(tuple(CHAINS))
    chain = random.choice(CHAINS[table])
    matches = [
        f"{random.choice(('', '! '))}-s {ground.address(random)}",
        f"{random.choice(('', '! '))}-d {ground.address(random)}",
        f"-p {random.choice(('tcp', 'udp', ground.icmp))}",
        f"-p tcp --dport {random.choice((80, 8080, 10250, 6443))}",
        f"-p tcp --sport {random.choice((80, 8080))}",
        "-p tcp --tcp-flags SYN,ACK SYN,ACK",
        f"-m mark --mark {random.choice(('0x4000/0x4000', '0x0'))}",
        "-m length --length 1000:",
        "-m addrtype --dst-type LOCAL",
    ]
    if ground.family == 6:
        matches.append(f"-p icmpv6 --icmpv6-type {random.choice((128, 129, 135, 136))}")
    if table != "raw":
        matches.append(f"-m conntrack --ctstate {random.choice(STATES)}")
    targets = ("ACCEPT", "RETURN", *_targets(random, ground, table, chain))
    rule = f"-t {table} -I {chain} {random.choice(matches)} -j {random.choice(targets)}"
    return f"{where}: {ground.backend} {rule}"


def _targets(random: Random, ground: Ground, table: str, chain: str) -> tuple[str, ...]:
    host = ground.host(random)
    match table, chain:
        case "nat", "PREROUTING" | "OUTPUT":
            return (f"DNAT --to-destination {host}",)
        case "nat", "POSTROUTING":
            return ("MASQUERADE", f"SNAT --to-source {host}")
        case "filter", _:
            kind = "icmp-host-prohibited" if ground.family == 4 else "icmp6-adm-prohibited"
            return ("DROP", "DROP", "REJECT", f"REJECT --reject-with {kind}")
        case "raw", _:
            return ("DROP", "CT --notrack")
        case "mangle", _:
            return ("DROP", "MARK --set-xmark 0x4000/0x4000", "MARK --set-xmark 0x0/0xffffffff")
    return ()


def policy(random: Random, ground: Ground) -> str:
    chain = random.choice(CHAINS["filter"])
    return f"{ground.node(random)}: {ground.backend} -P {chain} {random.choice(('DROP', 'ACCEPT'))}"


def native_rule(random: Random, ground: Ground) -> str:
    hook = random.choice(("prerouting", "input", "forward", "output", "postrouting"))
    ip = "ip" if ground.family == 4 else "ip6"
    match = random.choice(
        (
            f"{ip} saddr {ground.address(random)}",
            f"{ip} daddr {ground.address(random)}",
            f"tcp dport {{ {random.choice((80, 8080))}, 6443 }}",
            "ct state established",
            f"meta l4proto {'icmp' if ground.family == 4 else 'ipv6-icmp'}",
            "fib daddr type local",
            f"{ip} length > 1000",
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
    return f"{ground.place(random)}: nft '{'; '.join(commands)}'"


def native_gone(random: Random, ground: Ground) -> str:
    """Of kube-proxy's table, where it has one."""
    where = ground.node(random)
    if f"table {PROXY}" not in ground.lines(where, "nft list tables"):
        return native_rule(random, ground)
    if random.random() < 0.4:
        kind, name = random.choice(PROXY_SETS).split()
        return f"{where}: nft flush {kind} {PROXY} {name}"
    chain, rules = "", []
    for line in ground.lines(where, f"nft -a list table {PROXY}"):
        words = line.split()
        if words[:1] == ["chain"]:
            chain = words[1]
        elif chain and "handle" in words:
            rules.append(f"{chain} handle {words[-1]}")
    return f"{where}: nft delete rule {PROXY} {random.choice(rules)}"


def set_entry_gone(random: Random, ground: Ground) -> str:
    """Of a set that the plugin's agent made, where it made any."""
    where = ground.node(random)
    entries = [line for line in ground.lines(where, "ipset save") if line.startswith("add ")]
    if not entries:
        return rule_gone(random, ground)
    _, name, entry, *_ = random.choice(entries).split()
    return f"{where}: ipset del {name} {entry}"
