"""What a cluster is taken for, with what each answer was read from: for `plugins --detect`."""

from collections import Counter
from collections.abc import Iterator, Mapping

from kubectl_skoop.cluster.addresses import covering
from kubectl_skoop.cluster.secondary import STATUS
from kubectl_skoop.diagnosis.extension import detection
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.declared import checked
from kubectl_skoop.diagnosis.extension.guard import FAILURES, told
from kubectl_skoop.diagnosis.extension.interface import Plugin, Setting
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.services.network import service_networks
from kubectl_skoop.diagnosis.services.present import present
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable

OPTIONS: Mapping[str, str] = {
    "network plugin": "network-plugin",
    "cloud provider": "cloud-provider",
    "proxy mode": "proxy-mode",
    "cluster CIDR": "cluster-cidr",
    "service CIDR": "service-cidr",
}
ALSO: Mapping[str, tuple[str, ...]] = {
    "Antrea": ("antrea-agent",),
    "Multus": ("kube-multus.*", "multus.*"),
    "OVN-Kubernetes": ("ovnkube-node",),
    "Weave": ("weave-net",),
}
"""Network agents that no plugin here speaks for, by the names of their DaemonSets."""
HOST_PORTS, HOST_PORTS_NFT = "CNI-HOSTPORT-DNAT", "cni_hostport"
"""The chain of the chained CNI plugin portmap, or its table of nft."""


def detected(ctx: Context) -> tuple[Setting, ...]:
    """Raises: InputError, PluginError."""
    setup = set_up(ctx)
    settings: list[Setting] = []
    for fact in setup.facts:
        setting = Setting(fact.name, fact.value, fact.source, OPTIONS.get(fact.name, ""))
        unknown = fact.name == "proxy mode" and not fact.value
        settings.append((_proxy_mode_of_nodes(ctx) or setting) if unknown else setting)
        if fact.name == "network plugin":
            settings += _settings_of(setup.network.plugin)
    return (*settings, *_networks(ctx), *_also(ctx))


def _settings_of(plugin: Plugin) -> list[Setting]:
    """One that raises says so in the place of its settings."""
    try:
        return [checked(setting, Setting) for setting in plugin.settings()]
    except FAILURES as error:
        return [Setting(plugin.name, "", f"the plugin failed: {told(error)}")]


def _proxy_mode_of_nodes(ctx: Context) -> Setting | None:
    """Where no ConfigMap says it (k3s, managed clusters): the rules that a node has."""
    for ns in detection.states(ctx):
        used = present(ns, 4).used
        if used is not None:
            source = f"no ConfigMap of kube-proxy; the rules on {ns.place}"
            return Setting("proxy mode", used.mode, source, OPTIONS["proxy mode"])
    return None


def _networks(ctx: Context) -> Iterator[Setting]:
    nodes = [node for node in ctx.cluster.nodes() if node.pod_cidrs]
    if nodes:
        ranges = [cidr for node in nodes for cidr in node.pod_cidrs]
        shown = ", ".join(ranges[:4]) + (" …" if len(ranges) > 4 else "")
        source = f"spec.podCIDRs of {len(nodes)} nodes"
        yield Setting("pod CIDRs", shown, source, OPTIONS["cluster CIDR"])
    addresses = [address for service in ctx.cluster.services() for address in service.cluster_addresses]
    given, option = ctx.given_service_networks, OPTIONS["service CIDR"]
    for version in (4, 6):
        own = [address for address in addresses if address.version == version]
        stated = [one for one in service_networks(ctx.cluster, version, given) if one.stated]
        if stated:
            shown, names = (", ".join(map(str, each)) for each in zip(*stated, strict=True))
            yield Setting(f"service CIDR, IPv{version}", shown, names, option)
        elif own:
            source = f"{len(own)} cluster IPs are in it; the range itself is told by no object"
            yield Setting(
                f"service CIDR, IPv{version}", f"{covering(own)} or more", source, OPTIONS["service CIDR"]
            )


def _also(ctx: Context) -> Iterator[Setting]:
    for name, patterns in ALSO.items():
        found = detection.by_daemon_set(ctx, name, *patterns)
        if found is not None:
            yield Setting("also", f"{name}: no plugin speaks for it", found.source)
    yield from _secondary(ctx)
    for ns in detection.states(ctx):
        if place := _host_ports(ns):
            yield Setting("also", "portmap, chained", f"{place} on {ns.place}")
            return


def _host_ports(ns: NetworkNamespace) -> str:
    """Where portmap has its rules; empty: nowhere."""
    for base in ns.netfilter.base_chains:
        if isinstance(base.table, SavedTable):
            if f":{HOST_PORTS} " in base.table.text:
                return f"chain {HOST_PORTS}"
        elif base.table.name.split(" ")[-1] == HOST_PORTS_NFT:
            return f"table {base.table.name}"
    return ""


def _secondary(ctx: Context) -> Iterator[Setting]:
    """Which networks pods have beside the primary one."""
    found = Counter(network.name for pod in ctx.cluster.pods() for network in pod.secondary)
    for name, count in sorted(found.items()):
        value = f"network {name or 'without a name'}: {count} pods have it beside their own"
        yield Setting("also", value, f"annotation {STATUS}")
