"""Kubernetes objects: the fields that a snapshot keeps, no others; of policies those known here."""

import json
import re
from base64 import b64decode
from collections.abc import Mapping

from kubectl_skoop.cluster.allow import ANNOTATIONS
from kubectl_skoop.cluster.fields import FIELDS, METADATA, METADATA_OF, OTHERS, PRESENT, WHOLE, Fields
from kubectl_skoop.cluster.policy.kinds import KINDS
from kubectl_skoop.cluster.raw import Object, flag, mapping, texts
from kubectl_skoop.cluster.raw import text as text_of
from kubectl_skoop.netstack.devices.wireguard_key import key_digest
from kubectl_skoop.snapshot.redact.config import config_data
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.listed import listed
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms, version
from kubectl_skoop.snapshot.redact.selector import SelectorNotKept, selector_text

POLICY_FIELDS = listed(
    """
    podSelector namespaceSelector matchLabels matchExpressions key operator values policyTypes ingress
    egress from to ports port endPort protocol ipBlock cidr except subject pods namespaces tier priority
    action portNumber portRange namedPort start end networks nodes selector types order source destination
    nets notNets notSelector notPorts notProtocol serviceAccounts names services namespace name icmp code
    type doNotTrack preDNAT applyOnForward serviceAccountSelector stagedAction performanceHints
    endpointSelector nodeSelector fromEndpoints toEndpoints fromEntities toEntities fromCIDR toCIDR
    fromCIDRSet toCIDRSet fromRequires toRequires toPorts fromNodes toNodes toServices k8sService
    k8sServiceSelector serviceName enableDefaultDeny ingressDeny egressDeny icmps fields cidrGroupRef
    node peerIP peerSelector vxlanVNI vxlanPort chainInsertMode bpfEnabled bpfDataIfacePattern
    wireguardEnabled wireguardEnabledV6 wireguardListeningPort wireguardListeningPortV6
    wireguardRoutingRulePriority failsafeInboundHostPorts failsafeOutboundHostPorts net
    ipVersion notICMP domains protocols tcp udp sctp destinationPort destinationNamedPort number range
    domainNames family labels description log fromFQDNs toFQDNs fromGroups toGroups fromServices
    cidrGroupSelector authentication http metadata rules terminatingTLS originatingTLS serverNames listener
    nodeToNodeMeshEnabled asNumber serviceClusterIPs serviceExternalIPs serviceLoadBalancerIPs
    """
)
"""Of those that a snapshot keeps whole."""
ANNOTATION_WORDS = listed(
    """
    null vxlan host-gw alloc udp wireguard ipip true false rr lc dh sh mh
    """
)
"""Of flannel and kube-router."""
LABEL_MAPS = frozenset({"matchLabels", "labels"})
SELECTORS = frozenset(
    {"selector", "nodeSelector", "peerSelector", "namespaceSelector", "notSelector", "serviceAccountSelector"}
)
"""Where they are text: Calico's own language."""
WORDS = listed(
    """
    Pod Node Service Endpoints EndpointSlice Namespace ConfigMap DaemonSet NetworkPolicy ReplicaSet
    StatefulSet Job Deployment CronJob ReplicationController AdminNetworkPolicy BaselineAdminNetworkPolicy
    ClusterNetworkPolicy ServiceAccount v1 apps/v1 discovery.k8s.io/v1 networking.k8s.io/v1
    policy.networking.k8s.io/v1alpha1 policy.networking.k8s.io/v1alpha2 crd.projectcalico.org/v1
    projectcalico.org/v3 cilium.io/v2 cilium.io/v2alpha1 Running Pending Succeeded Failed Unknown True
    False Ready Initialized ContainersReady PodScheduled PodReadyToStartContainers DisruptionTarget
    MemoryPressure DiskPressure PIDPressure NetworkUnavailable KubeletReady KubeletHasSufficientMemory
    KubeletHasNoDiskPressure KubeletHasSufficientPID KubeletNotReady ContainersNotReady PodCompleted
    FlannelIsUp CalicoIsUp CalicoIsDown CiliumIsUp NodeStatusUnknown InternalIP ExternalIP Hostname
    InternalDNS ExternalDNS TCP UDP SCTP ICMP ICMPv6 UDPLite ANY IPv4 IPv6 FQDN ClusterIP NodePort
    LoadBalancer ExternalName None ClientIP Cluster Local VIP Proxy PreferClose PreferSameZone
    PreferSameNode SingleStack PreferDualStack Ingress Egress In NotIn Exists DoesNotExist Allow Deny Pass
    Log Accept Never Always CrossSubnet confirmed pending pendingDeletion world cluster host remote-node
    health init unmanaged ingress kube-apiserver all world-ipv4 world-ipv6 HTTP HTTPS CrashLoopBackOff
    ContainerCreating PodInitializing ImagePullBackOff ErrImagePull CreateContainerConfigError
    CreateContainerError RunContainerError InvalidImageName projectcalico-default-allow tcp udp sctp *
    Admin Baseline
    """
)
"""What the API server takes of such fields, and what it and the kubelet write."""
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
"""As the API server writes them."""
_PORTS = re.compile(r"\d{1,5}(?::\d{1,5})?")
_IMAGE = re.compile(r"(?:([\w.-]+(?::\d+)?)/)?((?:[\w.-]+/)*[\w.-]+)(?::([\w.-]+))?(?:@sha256:[0-9a-f]+)?")
_REGISTRIES = frozenset(
    [
        "docker.io",
        "quay.io",
        "ghcr.io",
        "registry.k8s.io",
        "k8s.gcr.io",
        "gcr.io",
        "mcr.microsoft.com",
        "public.ecr.aws",
    ]
)
_IMAGES = listed(
    """
    calico/node flannel/flannel flannel-io/flannel flannelcni/flannel coreos/flannel cilium/cilium
    rancher/hardened-flannel rancher/hardened-calico kube-proxy aws-eks/kube-proxy
    """
)


OTHER_KINDS = (
    "ConfigMap",
    "BGPConfiguration.crd.projectcalico.org",
    "BGPPeer.crd.projectcalico.org",
    "FelixConfiguration.crd.projectcalico.org",
)

_OF_NODE = "node."
"""Configurations of Calico for one node, by its name."""


def is_known(kind: str) -> bool:
    """Another kind is a plugin's, and nothing is known of its fields."""
    return kind in FIELDS or kind in OTHER_KINDS


def redact_object(kind: str, item: Object, pseudonyms: Pseudonyms, left_out: LeftOut) -> Object:
    """`kind`: one that `is_known`."""
    return _Redaction(kind, pseudonyms, left_out).of(item)


class _Redaction:
    def __init__(self, kind: str, pseudonyms: Pseudonyms, left_out: LeftOut) -> None:
        self._kind = kind
        self._pseudonyms = pseudonyms
        self._left_out = left_out

    def of(self, item: Object) -> dict[str, object]:
        metadata = mapping(item, "metadata")
        others = {key: value for key, value in metadata.items() if key != "annotations"}
        kept = self._kept(others, METADATA_OF.get(self._kind, METADATA))
        if annotations := self._annotations(mapping(metadata, "annotations")):
            kept["annotations"] = annotations
        told: dict[str, object] = {"kind": self._kind, "metadata": kept}
        if isinstance(version_of := item.get("apiVersion"), str):
            told["apiVersion"] = version_of if version_of in WORDS else self._pseudonyms.name(version_of)
        body = {key: value for key, value in item.items() if key not in ("kind", "metadata", "apiVersion")}
        if self._kind == "ConfigMap":
            return {**told, "data": config_data(mapping(item, "data"), self._pseudonyms, self._left_out)}
        fields = FIELDS.get(self._kind, {"spec": WHOLE, "status": PRESENT})
        return {**told, **self._kept(body, fields)}

    def _annotations(self, annotations: Mapping[str, object]) -> dict[str, object]:
        kept: dict[str, object] = {}
        for key, value in annotations.items():
            if key in ANNOTATIONS and isinstance(value, str):
                kept[key] = self._annotation(value)
            else:
                self._left_out.add(self._kind, "an annotation")
        return kept

    def _annotation(self, text: str) -> str:
        """A text, or JSON: flannel writes `VNI` and `VtepMAC` in it, or `PublicKey`, whose digest stays."""
        if text in ANNOTATION_WORDS:
            return text
        if text.startswith("["):
            return self._networks(text)
        if not text.startswith("{"):
            return self._pseudonyms.scalar(text)
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            return ""
        kept = {
            key: value if isinstance(value, int) else self._pseudonyms.scalar(str(value))
            for key, value in fields.items()
            if key in ("VNI", "VtepMAC", "VtepMACV6", "Port", "MTU")
        }
        if isinstance(public := fields.get("PublicKey"), str):
            kept["KeyDigest"] = self._pseudonyms.scalar(_digest(public))
        return json.dumps(kept, separators=(",", ":"))

    def _networks(self, text: str) -> str:
        """What Multus notes of a pod's networks."""
        try:
            entries = json.loads(text)
        except (ValueError, RecursionError):
            return ""
        hidden = self._pseudonyms
        kept = [
            {
                "name": "/".join(map(hidden.name, text_of(entry, "name").split("/"))),
                "interface": hidden.name(text_of(entry, "interface")),
                "ips": [hidden.scalar(address) for address in texts(entry, "ips")],
                "default": flag(entry, "default"),
            }
            for entry in entries
        ]
        return json.dumps(kept, separators=(",", ":"))

    def _kept(self, item: Mapping[str, object], fields: Fields) -> dict[str, object]:
        kept: dict[str, object] = {}
        for key, value in item.items():
            inner = fields.get(key, fields.get(OTHERS) if key in POLICY_FIELDS else None)
            if inner is not None:
                kept[key] = self._value(key, value, inner)
            else:
                kept |= self._unknown(key, policy=OTHERS in fields)
        return kept

    def _value(self, key: str, value: object, inner: object) -> object:
        match inner, value:
            case _, None | bool() | int() | float():
                return value
            case "present", _:
                return True
            case "strings", Mapping():
                return self._labels(value)
            case "whole", _:
                return self._whole(key, value)
            case [Mapping() as fields], list():
                return [self._kept(entry, fields) if isinstance(entry, Mapping) else True for entry in value]
            case Mapping() as fields, Mapping():
                return self._kept(value, fields)
            case 1, str():
                return self._text(key, value)
            case 1, list():
                return [
                    self._text(key, entry) if isinstance(entry, str) else entry
                    for entry in value
                    if isinstance(entry, str | int | float)
                ]
            case _:
                self._left_out.add(self._kind, "a field of an unexpected type")
                return None

    def _labels(self, labels: Mapping[str, object]) -> dict[str, object]:
        names = self._pseudonyms.names
        return {names.label_key(str(key)): names.label(str(value)) for key, value in labels.items()}

    def _whole(self, key: str, value: object) -> object:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self._text(key, value)
            case list():
                return [self._whole(key, entry) for entry in value]
            case Mapping() if key in LABEL_MAPS:
                return self._labels(value)
            case Mapping():
                kept: dict[str, object] = {}
                for name, inner in value.items():
                    if name in POLICY_FIELDS:
                        kept[name] = self._whole(str(name), inner)
                    else:
                        kept |= self._unknown(name, policy=self._kind in KINDS)
                return kept
            case _:
                return None

    def _unknown(self, field: object, *, policy: bool) -> dict[str, object]:
        """Of a policy it stays as a field that nobody knows: without it the rest has another meaning."""
        self._left_out.add(self._kind, "a field that is not known")
        return {self._pseudonyms.name(str(field)): True} if policy else {}

    def _text(self, key: str, text: str) -> str:
        names = self._pseudonyms.names
        match key:
            case "uid":
                return names.uuid(text)
            case "name" if self._kind in OTHER_KINDS and text.startswith(_OF_NODE):
                return _OF_NODE + names.name(text.removeprefix(_OF_NODE))
            case (
                "name"
                | "namespace"
                | "nodeName"
                | "hostname"
                | "externalName"
                | "serviceAccountName"
                | "zone"
            ):
                return names.name(text)
            case "port" | "ports" | "notPorts" if _PORTS.fullmatch(text):
                return text
            case "key":
                return names.label_key(text)
            case "values":
                return names.label(text)
            case "providerID":
                scheme, _, rest = text.partition("://")
                return f"{scheme if scheme in _CLOUDS else names.name(scheme)}:///{names.name(rest)}"
            case "image":
                return self._image(text)
            case "creationTimestamp" if _TIME.fullmatch(text):
                return text
            case "kernelVersion" | "kubeProxyVersion" | "kubeletVersion":
                return version(text)
        if text in WORDS or not text:
            return text
        if key in SELECTORS:
            try:
                return selector_text(text, names)
            except SelectorNotKept as error:
                self._left_out.add(self._kind, str(error))
                return "redacted("
        return self._pseudonyms.scalar(text)

    def _image(self, text: str) -> str:
        """The registry and the path where everybody has them, the version where it is one."""
        found = _IMAGE.fullmatch(text)
        if found is None:
            return self._pseudonyms.name(text)
        registry, path, tag = found.groups()
        names = self._pseudonyms.names
        if registry and registry not in _REGISTRIES and "." not in registry and ":" not in registry:
            registry, path = None, f"{registry}/{path}"
        told = path if path in _IMAGES else "/".join(map(names.name, path.split("/")))
        before = f"{registry if registry in _REGISTRIES else names.name(registry)}/" if registry else ""
        return before + told + (f":{version(tag) or names.name(tag)}" if tag else "")


_CLOUDS = listed(
    """
    aws gce azure openstack vsphere alicloud digitalocean hcloud kind k3s ibm oci linode
    """
)


def _digest(public: str) -> str:
    """Of a public key in base64; empty: it is none."""
    try:
        return key_digest(b64decode(public, validate=True))
    except ValueError:
        return ""
