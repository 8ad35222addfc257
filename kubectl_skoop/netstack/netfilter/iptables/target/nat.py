"""-j DNAT, SNAT, MASQUERADE, REDIRECT, NETMAP."""

from ipaddress import ip_network
from typing import Literal, NamedTuple

from kubectl_skoop.netstack.netfilter.iptables.address import address_range
from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, interval
from kubectl_skoop.netstack.netfilter.types import Nat, RuleContext, Verdict

_RANDOM = {"--random": 0, "--random-fully": 0, "--persistent": 0}


class Bind(NamedTuple):
    """Kernel: xt_nat.c, xt_MASQUERADE.c, xt_REDIRECT.c, xt_NETMAP.c: `netfilter.nat` makes the binding."""

    nat: Nat

    def apply(self, ctx: RuleContext) -> Verdict:
        return self.nat


def _random(options: Options) -> bool:
    return options.has("--random", "--random-fully")


def _ports(text: str) -> tuple[int, int]:
    if "/" in text:
        raise Unreadable(f"shifted ports {text}")
    return interval(text, separator="-")


def _translate(kind: Literal["snat", "dnat"], options: Options) -> Bind:
    targets = [option for option in options.given if option.name in {"--to-destination", "--to-source"}]
    if len(targets) != 1:
        raise Unreadable(f"{len(targets)} targets")
    addresses, ports = _split(targets[0].values[0])
    low, high = address_range(addresses) if addresses else (None, None)
    port_low, port_high = _ports(ports) if ports else (0, 0)
    return Bind(
        Nat(
            kind=kind,
            low=low,
            high=high,
            port_low=port_low,
            port_high=port_high,
            random=_random(options),
        )
    )


def _split(text: str) -> tuple[str, str]:
    """`A-B:P-Q`, `[A]-[B]:P-Q` or `[A-B]:P-Q`, each part may be absent."""
    if text.startswith("["):
        addresses, _, rest = text.rpartition("]")
        return addresses.replace("[", "").replace("]", ""), rest.removeprefix(":")
    if text.count(":") == 1:
        addresses, _, ports = text.partition(":")
        return addresses, ports
    return text, ""


def _local(kind: Literal["masquerade", "redirect"], options: Options) -> Bind:
    ports = options.value("--to-ports")
    low, high = _ports(ports) if ports else (0, 0)
    return Bind(Nat(kind=kind, port_low=low, port_high=high, random=_random(options)))


def _netmap(options: Options) -> Bind:
    text = options.require("--to").values[0]
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise Unreadable(f"--to {text}") from None
    return Bind(
        Nat(
            kind="netmap",
            low=network.network_address,
            high=network.broadcast_address,
            netmap_prefix=network.prefixlen,
        )
    )


KINDS = {
    "DNAT": TargetKind({"--to-destination": 1, **_RANDOM}, lambda options: _translate("dnat", options)),
    "SNAT": TargetKind({"--to-source": 1, **_RANDOM}, lambda options: _translate("snat", options)),
    "MASQUERADE": TargetKind({"--to-ports": 1, **_RANDOM}, lambda options: _local("masquerade", options)),
    "REDIRECT": TargetKind({"--to-ports": 1, **_RANDOM}, lambda options: _local("redirect", options)),
    "NETMAP": TargetKind({"--to": 1}, _netmap),
}
