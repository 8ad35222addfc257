"""What a node's programs are configured with. All JSON is YAML."""

import json
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from tests.e2e.underlay import POD_NETWORK

RUNTIME_SOCKET = "/run/containerd/containerd.sock"
CNI_FOLDER = "/etc/cni/net.d"
CNI_PROGRAMS = "/usr/lib/cni"
STATIC_PODS = "/etc/kubernetes/manifests"
PAUSE_IMAGE = "skoop.e2e/pause:1"
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What kubelet wants of the whole kernel: pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables."""

_CONTAINERD = """version = 2
disabled_plugins = ["io.containerd.internal.v1.opt"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{programs}"
    conf_dir = "{configuration}"
"""


def containerd() -> str:
    return _CONTAINERD.format(pause=PAUSE_IMAGE, programs=CNI_PROGRAMS, configuration=CNI_FOLDER)


def cni(pods: IPv4Network) -> str:
    """The bridge plugin, as flannel and kubenet use it; kube-proxy masquerades, not the plugin."""
    bridge: dict[str, Any] = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "mtu": 1500,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": str(pods)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": "cbr0", "plugins": [bridge, portmap]}, indent=1)


def kubelet(cgroup: str) -> str:
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{cgroup}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "staticPodPath": STATIC_PODS,
            "fileCheckFrequency": "1s",
            "localStorageCapacityIsolation": False,
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "clusterDomain": "cluster.local",
            "containerRuntimeEndpoint": f"unix://{RUNTIME_SOCKET}",
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        },
        indent=1,
    )


def kube_proxy(mode: str, name: str, kubeconfig: Path) -> str:
    """conntrack limits belong to the whole machine: 0 leaves them alone."""
    return json.dumps(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": mode,
            "hostnameOverride": name,
            "clusterCIDR": str(POD_NETWORK),
            "clientConnection": {"kubeconfig": str(kubeconfig)},
            "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        },
        indent=1,
    )
