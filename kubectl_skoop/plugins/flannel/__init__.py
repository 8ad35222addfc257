"""flannel with each of its backends, and pods on a bridge (flannel-io/flannel, pkg/backend).

With canal, flannel connects the nodes and Calico the pods (`plugins.canal`): then nothing is said about pods.
"""

from kubectl_skoop.plugins.flannel.plugin import Flannel

__all__ = ["Flannel"]
