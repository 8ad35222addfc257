"""The door for authors of plugins and providers: all they need, and all that stays as it is.

`docs/write-a-plugin.md` is the guide.
"""

from kubectl_skoop.cluster import raw
from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.objects import NodeInfo, PodInfo, Service, ServicePort
from kubectl_skoop.cluster.policy.selects import calico_selects
from kubectl_skoop.diagnosis.expectations import expect
from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation
from kubectl_skoop.diagnosis.extension import detection
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.interface import (
    Balanced,
    Detected,
    InfraFile,
    InfraShim,
    NetNodeAction,
    Network,
    Passing,
    Plugin,
    Provider,
    Setting,
    SimplePluginNode,
    Tracked,
    Wants,
    Wishes,
)
from kubectl_skoop.diagnosis.extension.node import BasePluginNode, SimpleVethPod
from kubectl_skoop.diagnosis.extension.options import ConfigBinder, NoOptions, OptionError, option
from kubectl_skoop.diagnosis.extension.registry import companion
from kubectl_skoop.model.errors import InputError, NoVerdict, SkoopError
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address, Packet, Protocol
from kubectl_skoop.model.packet import Network as IpNetwork
from kubectl_skoop.model.path import Link
from kubectl_skoop.model.place import Endpoint, Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices.wireguard_key import key_digest
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.sysctl import device_key

__all__ = [
    "Address",
    "Balanced",
    "BasePluginNode",
    "Cluster",
    "ConfigBinder",
    "Context",
    "Detected",
    "Deviation",
    "Device",
    "Endpoint",
    "Expectation",
    "InfraFile",
    "InfraShim",
    "InputError",
    "IpNetwork",
    "Level",
    "Link",
    "NetNodeAction",
    "Network",
    "NetworkNamespace",
    "NoOptions",
    "NoVerdict",
    "NodeInfo",
    "NotCollected",
    "OptionError",
    "Packet",
    "Passing",
    "Place",
    "Plugin",
    "PodInfo",
    "Protocol",
    "Provider",
    "Service",
    "ServicePort",
    "Setting",
    "SimplePluginNode",
    "SimpleVethPod",
    "SkoopError",
    "Suspicion",
    "Tracked",
    "Unknown",
    "Wants",
    "Where",
    "Wishes",
    "calico_selects",
    "companion",
    "detection",
    "device_key",
    "expect",
    "key_digest",
    "option",
    "raw",
]
