"""The reference CNI plugins bridge and ptp with host-local, and who builds on them: kindnet, kube-router.

Sources: containernetworking/plugins, kubernetes-sigs/kind (kindnetd), cloudnativelabs/kube-router.
"""

from kubectl_skoop.plugins.bridge.plugin import Bridge, Kindnet, KubeRouter

__all__ = ["Bridge", "Kindnet", "KubeRouter"]
