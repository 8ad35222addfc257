"""What a snapshot keeps of ConfigMaps: settings of kube-proxy and Cilium, and flannel's network."""

import json
import re
from collections.abc import Mapping

from kubectl_skoop.cluster.allow import masquerade_settings
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.listed import listed
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms

NETWORKS = frozenset({"Network", "IPv6Network", "SubnetMin", "SubnetMax", "IPv6SubnetMin", "IPv6SubnetMax"})
PLAIN = listed(
    """
    EnableIPv4 EnableIPv6 EnableNFTables SubnetLen IPv6SubnetLen Backend Type VNI Port DirectRouting GBP
    Learning MTU MacPrefix ListenPort PersistentKeepaliveInterval Mode
    """
)
BACKENDS = listed(
    """
    vxlan host-gw alloc udp wireguard ipip ipsec extension separate auto ipv4 ipv6
    """
)
CILIUM = listed(
    """
    routing-mode tunnel tunnel-protocol ipam enable-l7-proxy auto-direct-node-routes enable-endpoint-routes
    kube-proxy-replacement
    """
)
CILIUM_VALUES = listed(
    """
    true false strict partial probe native tunnel disabled vxlan geneve cluster-pool kubernetes multi-pool
    eni azure alibabacloud
    """
)
_SETTING = re.compile(r"^(mode|clusterCIDR):[ \t]*[\"']?([^\s\"'#]*)[\"']?[ \t]*$", re.MULTILINE)
_NODE_PORTS = re.compile(r"^nodePortAddresses:[ \t]*(\S.*)?\n((?:[ \t]*-.*\n)*)", re.MULTILINE)


def config_data(data: Mapping[str, object], pseudonyms: Pseudonyms, left_out: LeftOut) -> dict[str, str]:
    kept: dict[str, str] = {}
    for key, value in data.items():
        if key == "config.conf" and isinstance(value, str):
            kept[key] = _kube_proxy(value, pseudonyms)
        elif key == "net-conf.json" and isinstance(value, str):
            kept[key] = _flannel(value, pseudonyms, left_out)
        elif key in CILIUM and value in CILIUM_VALUES:
            kept[key] = str(value)
        else:
            left_out.add("ConfigMap", "an entry that is not known")
    return kept


def _kube_proxy(text: str, pseudonyms: Pseudonyms) -> str:
    told = {}
    for key, value in _SETTING.findall(text):
        if key == "mode":
            told[key] = value if value in ("iptables", "ipvs", "nftables", "userspace", "") else "redacted"
        else:
            told[key] = ",".join(pseudonyms.scalar(one) if one else "" for one in value.split(","))
    lines = [f"{key}: {value}" if value else f'{key}: ""' for key, value in told.items()]
    if found := _NODE_PORTS.search(f"{text}\n"):
        addresses = re.findall(r"[0-9a-fA-F:.]+/\d+|primary", found[0].partition(":")[2])
        lines += [
            "nodePortAddresses:",
            *(f"- {pseudonyms.scalar(one) if one != 'primary' else one}" for one in addresses),
        ]
    return "".join(f"{line}\n" for line in lines) + masquerade_settings(text)


def _flannel(text: str, pseudonyms: Pseudonyms, left_out: LeftOut) -> str:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        left_out.add("ConfigMap", "an entry that cannot be read")
        return ""
    return json.dumps(_setting("", told, pseudonyms, left_out))


def _setting(key: str, value: object, pseudonyms: Pseudonyms, left_out: LeftOut) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case str() if value in BACKENDS:
            return value
        case str():
            return pseudonyms.scalar(value)
        case dict():
            kept = {}
            for name, inner in value.items():
                if name in NETWORKS or name in PLAIN:
                    kept[name] = _setting(name, inner, pseudonyms, left_out)
                else:
                    left_out.add("ConfigMap", "a setting that is not known")
            return kept
        case _:
            return None
