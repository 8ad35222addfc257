"""Kubernetes objects: as plain data, and as what a diagnosis needs of them."""

from kubectl_skoop.cluster.node import NodeInfo
from kubectl_skoop.cluster.pod import Container, ContainerPort, PodInfo
from kubectl_skoop.cluster.raw import Object, Ref, ref_of, text
from kubectl_skoop.cluster.service import Backend, Service, ServicePort

__all__ = [
    "Backend",
    "Container",
    "ContainerPort",
    "NodeInfo",
    "Object",
    "PodInfo",
    "Ref",
    "Service",
    "ServicePort",
    "ref_of",
    "text",
]
