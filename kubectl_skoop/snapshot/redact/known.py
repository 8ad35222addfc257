"""Names that tell nothing of a site, since every cluster may have them: these stay."""

import re

from kubectl_skoop.snapshot.redact.listed import listed

NAMES = listed(
    """
    default kube-system kube-public kube-node-lease kubernetes kube-dns coredns kube-proxy
    kube-proxy-worker kube-flannel kube-flannel-ds kube-flannel-ds-amd64 kube-admin kube-baseline
    kube-flannel-cfg flannel canal rke2-canal calico-system
    calico-apiserver calico-node calico-kube-controllers tigera-operator cilium cilium-operator
    aws-node terway terway-eni terway-eniip cilium-config
    kube-router kube-network-policies kindnet antrea-agent weave-net metrics-server kube-apiserver
    kube-controller-manager kube-scheduler etcd local-path-storage default-ipv4-ippool default-ipv6-ippool
    true false True False http https dns dns-tcp metrics tcp udp sctp None none pod-template-hash
    controller-revision-hash raw mangle nat filter security inet ip ip6 arp bridge netdev PREROUTING INPUT
    FORWARD OUTPUT POSTROUTING BROUTING KUBE-SERVICES KUBE-NODEPORTS KUBE-POSTROUTING KUBE-MARK-MASQ
    KUBE-MARK-DROP KUBE-FORWARD KUBE-FIREWALL KUBE-EXTERNAL-SERVICES KUBE-PROXY-FIREWALL KUBE-PROXY-CANARY
    KUBE-KUBELET-CANARY KUBE-IPTABLES-HINT KUBE-LOAD-BALANCER KUBE-NODE-PORT KUBE-IPVS-FILTER
    KUBE-IPVS-OUT-FILTER KUBE-SOURCE-RANGES-FIREWALL KUBE-CLUSTER-IP KUBE-6-CLUSTER-IP KUBE-EXTERNAL-IP
    KUBE-6-EXTERNAL-IP KUBE-EXTERNAL-IP-LOCAL KUBE-6-EXTERNAL-IP-LOCAL KUBE-LOAD-BALANCER-LOCAL
    KUBE-6-LOAD-BALANCER KUBE-6-LOAD-BALANCER-LOCAL KUBE-LOAD-BALANCER-FW KUBE-6-LOAD-BALANCER-FW
    KUBE-LOAD-BALANCER-SOURCE-CIDR KUBE-6-LOAD-BALANCER-SOURCE-CIDR KUBE-LOAD-BALANCER-SOURCE-IP
    KUBE-6-LOAD-BALANCER-SOURCE-IP KUBE-LOOP-BACK KUBE-6-LOOP-BACK KUBE-NODE-PORT-TCP KUBE-6-NODE-PORT-TCP
    KUBE-NODE-PORT-UDP KUBE-6-NODE-PORT-UDP KUBE-NODE-PORT-LOCAL-TCP KUBE-6-NODE-PORT-LOCAL-TCP
    KUBE-NODE-PORT-LOCAL-UDP KUBE-6-NODE-PORT-LOCAL-UDP KUBE-NODE-PORT-SCTP-HASH
    KUBE-6-NODE-PORT-SCTP-HASH KUBE-NODE-PORT-LOCAL-SCTP-HASH KUBE-6-NODE-PORT-LOCAL-SCTP-HASH
    KUBE-HEALTH-CHECK-NODE-PORT KUBE-6-HEALTH-CHECK-NODE-PORT KUBE-IPVS-IPS KUBE-6-IPVS-IPS
    ct_state_invalid_dropped_pkts localhost_nps_accepted_pkts iptables_ct_state_invalid_dropped_pkts
    FLANNEL-FWD FLANNEL-POSTRTG DOCKER DOCKER-USER DOCKER-FORWARD DOCKER-BRIDGE DOCKER-CT DOCKER-INTERNAL
    DOCKER-ISOLATION-STAGE-1 DOCKER-ISOLATION-STAGE-2 CNI-FORWARD CNI-ADMIN CNI-HOSTPORT-DNAT
    CNI-HOSTPORT-MASQ CNI-HOSTPORT-SETMARK CILIUM_FORWARD CILIUM_INPUT CILIUM_OUTPUT CILIUM_OUTPUT_raw
    CILIUM_POST_mangle CILIUM_POST_nat CILIUM_PRE_mangle CILIUM_PRE_nat CILIUM_PRE_raw CILIUM_OUTPUT_nat
    cali-PREROUTING cali-INPUT cali-FORWARD cali-OUTPUT cali-POSTROUTING cali-rpf-skip cali-wl-to-host
    cali-from-wl-dispatch cali-to-wl-dispatch cali-from-host-endpoint cali-to-host-endpoint
    cali-to-hep-forward cali-from-hep-forward cali-nat-outgoing cali-fip-dnat cali-fip-snat
    cali-cidr-block cali-set-endpoint-mark cali-from-endpoint-mark cali-forward-check
    cali-forward-endpoint-mark cali-failsafe-in cali-failsafe-out cali40all-ipam-pools
    cali40masq-ipam-pools cali60all-ipam-pools cali60masq-ipam-pools cali40all-hosts-net
    cali60all-hosts-net cali40all-vxlan-net cali60all-vxlan-net cali40this-host cali60this-host
    cali40all-tunnel-net services service-endpoints-check masquerading service-ips service-nodeports
    nodeport-ips hairpin-connections cluster-ips cluster-ips-check no-endpoint-services
    no-endpoint-nodeports firewall-ips firewall-check nodeport-endpoints-check reject-chain
    mark-for-masquerade filter-prerouting filter-input filter-forward filter-output
    filter-prerouting-pre-dnat filter-output-post-dnat filter-input-pre-dnat filter-output-pre-dnat
    nat-prerouting nat-output nat-postrouting KUBE-ROUTER-SERVICES KUBE-ROUTER-HAIRPIN KUBE-ROUTER-INPUT
    KUBE-ROUTER-FORWARD KUBE-ROUTER-OUTPUT kube-router-pod-subnets kube-router-node-ips
    kube-router-local-ips kube-router-svip kube-router-svip-prt inet6:kube-router-pod-subnets
    inet6:kube-router-node-ips inet6:kube-router-local-ips inet6:kube-router-svip
    inet6:kube-router-svip-prt KUBE-NWPLCY-COMMON KUBE-NWPLCY-DEFAULT
    """
)
"""Chains and sets are those of kube-proxy, kube-router, Flannel, Calico, Cilium, Docker and CNI plugins."""

DEVICES = re.compile(
    r"lo|all|eth\d+|en(?:o\d+|s\d+|p\d+s\d+)(?:f\d+)?(?:np\d+)?|wlan\d+|bond\d+|team\d+|br\d+|cni\d+|cbr\d+|docker\d+"
    r"|flannel\.\d+|flannel-v6\.\d+|flannel-wg(?:-v6)?|tunl0|ip6tnl0|sit0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0"
    r"|ip6gre0|vxlan\.calico|vxlan-v6\.calico|wireguard\.cali|wg-v6\.cali|kube-ipvs0|kube-bridge|kube-dummy-if|nodelocaldns"
    r"|bpf(?:in|out)\.cali|dummy0|cilium_(?:host|net|vxlan|geneve|wg0)|lxc_health|ovs-system|genev_sys_6081|vxlan_sys_4789|virbr\d+"
)
PREFIXES = ("veth", "cali", "lxc", "eni", "azv", "tap", "vnet", "br-")
"""Devices named so have a hash behind it."""
BEGINNINGS = (
    *PREFIXES,
    "eth",
    "en",
    "ens",
    "cni",
    "flannel.",
    "docker",
    "cilium_",
    "virbr",
    "bond",
    "wg",
    "tunl",
)
"""That rules may ask for."""

LABELS = listed(
    """
    app name role tier component k8s-app run version release chart heritage control-plane
    pod-template-hash pod-template-generation controller-revision-hash controller-uid job-name
    statefulset.kubernetes.io/pod-name apps.kubernetes.io/pod-index app.kubernetes.io/name
    app.kubernetes.io/instance app.kubernetes.io/version app.kubernetes.io/component
    app.kubernetes.io/part-of app.kubernetes.io/managed-by app.kubernetes.io/created-by
    batch.kubernetes.io/job-name batch.kubernetes.io/controller-uid kubernetes.io/metadata.name
    kubernetes.io/hostname kubernetes.io/os kubernetes.io/arch kubernetes.io/service-name
    kubernetes.io/cluster-service beta.kubernetes.io/os beta.kubernetes.io/arch
    beta.kubernetes.io/instance-type node.kubernetes.io/instance-type
    node.kubernetes.io/exclude-from-external-load-balancers node-role.kubernetes.io/control-plane
    node-role.kubernetes.io/master node-role.kubernetes.io/worker topology.kubernetes.io/zone
    topology.kubernetes.io/region failure-domain.beta.kubernetes.io/zone
    failure-domain.beta.kubernetes.io/region service.kubernetes.io/service-proxy-name
    service.kubernetes.io/headless endpointslice.kubernetes.io/managed-by
    endpointslice.kubernetes.io/skip-mirror projectcalico.org/name projectcalico.org/namespace
    projectcalico.org/orchestrator projectcalico.org/serviceaccount pcns.projectcalico.org/name
    k8s:io.kubernetes.pod.namespace io.kubernetes.pod.namespace io.cilium.k8s.policy.cluster
    io.cilium.k8s.policy.serviceaccount reserved:host reserved:remote-node reserved:world
    reserved:world-ipv4 reserved:world-ipv6 reserved:health reserved:init reserved:unmanaged
    reserved:ingress reserved:kube-apiserver reserved:none
    """
)
"""Keys that stay; their values do not."""
LABEL_PREFIXES = ("pcns.", "pcsa.", "k8s:", "any:", "container:", "io.cilium.k8s.namespace.labels.")
"""In selectors of Calico and Cilium, before the key of a label: whose it is."""

VALUES = frozenset(
    [
        "linux",
        "windows",
        "amd64",
        "arm64",
        "endpointslice-controller.k8s.io",
        "endpointslicemirroring-controller.k8s.io",
    ]
)
"""Of labels."""
