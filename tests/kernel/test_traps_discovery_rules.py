"""IPv6 neighbour discovery and the rules that see it (K-24, K-86)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import ROUTED6

pytestmark = pytest.mark.kernel

TCP, SERVED = "a tcp [fd02::2]:80", "answer, b sees fd01::2"
LOST = "no route to host"
BEHIND = "no route to host, icmp 1/3 from fd01::1"
NS, NA = "-p icmpv6 --icmpv6-type neighbour-solicitation", "-p icmpv6 --icmpv6-type neighbour-advertisement"


def rule(host: str, text: str, tool: str = "ip6tables-nft") -> str:
    return f"{host}: $ {tool} {text}"


RULES = {
    f"{name}: {tool}": (rule(host, text, tool), {TCP: told})
    for tool in ("ip6tables-nft", "ip6tables-legacy")
    for name, host, text, told in (
        ("solicitations dropped where they come in", "b", f"-A INPUT {NS} -j DROP", BEHIND),
        ("solicitations rejected", "b", f"-A INPUT {NS} -j REJECT", BEHIND),
        ("solicitations dropped before routing", "b", f"-t raw -A PREROUTING {NS} -j DROP", BEHIND),
        ("solicitations dropped where they leave", "a", f"-A OUTPUT {NS} -j DROP", LOST),
        ("solicitations dropped behind OUTPUT", "a", f"-t mangle -A POSTROUTING {NS} -j DROP", LOST),
        ("advertisements dropped where they come in", "a", f"-A INPUT {NA} -j DROP", LOST),
        ("advertisements dropped where they leave", "b", f"-A OUTPUT {NA} -j DROP", BEHIND),
        ("discovery is not forwarded", "r", f"-A FORWARD {NS} -j DROP", SERVED),
        ("only echo requests are dropped", "b", "-A INPUT -p icmpv6 --icmpv6-type 128 -j DROP", SERVED),
        ("all multicast is dropped", "b", "-A INPUT -d ff00::/8 -j DROP", BEHIND),
        ("frames for groups are dropped", "b", "-A INPUT -m pkttype --pkt-type multicast -j DROP", BEHIND),
        ("it is untracked", "b", "-A INPUT -m conntrack --ctstate UNTRACKED -j DROP", BEHIND),
        ("it is not INVALID", "b", "-A INPUT -m conntrack --ctstate INVALID -j DROP", SERVED),
        ("it is not NEW", "b", "-A INPUT -p icmpv6 -m conntrack --ctstate NEW -j DROP", SERVED),
        ("another hop limit (K-86)", "r", "-t mangle -A POSTROUTING -o p0 -j HL --hl-set 64", LOST),
        ("another hop limit elsewhere", "r", "-t mangle -A POSTROUTING -o lo -j HL --hl-set 64", SERVED),
        ("marked where it leaves", "a", "-t mangle -A OUTPUT -j MARK --set-mark 7", SERVED),
    )
} | {
    "a closed INPUT that only knows connections": (
        rule("b", "-P INPUT DROP")
        + "\n"
        + rule("b", "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT")
        + "\n"
        + rule("b", "-A INPUT -p tcp --dport 80 -j ACCEPT"),
        {TCP: BEHIND},
    ),
    "a closed INPUT that knows discovery": (
        rule("b", "-P INPUT DROP")
        + "\n"
        + rule("b", "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT")
        + "\n"
        + rule("b", f"-A INPUT {NS} -j ACCEPT")
        + "\n"
        + rule("b", f"-A INPUT {NA} -j ACCEPT")
        + "\n"
        + rule("b", "-A INPUT -p tcp --dport 80 -j ACCEPT"),
        {TCP: SERVED},
    ),
    "nft drops solicitations": (
        "b: $ nft 'add table inet f; add chain inet f i { type filter hook input priority 0; }; "
        "add rule inet f i icmpv6 type nd-neighbor-solicit drop'",
        {TCP: BEHIND},
    ),
    "nft drops advertisements": (
        "a: $ nft 'add table ip6 f; add chain ip6 f i { type filter hook input priority 0; }; "
        "add rule ip6 f i icmpv6 type { nd-neighbor-advert, nd-router-advert } drop'",
        {TCP: LOST},
    ),
    "nft drops what conntrack does not know": (
        "b: $ nft 'add table inet f; add chain inet f i { type filter hook input priority 0; }; "
        "add rule inet f i ct state untracked drop'",
        {TCP: BEHIND},
    ),
}
TRAPS = [trap(title, ROUTED6, condition, flows, ipv6=True) for title, (condition, flows) in RULES.items()]


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
