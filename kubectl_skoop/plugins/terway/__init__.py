"""Terway (AliyunContainerService/terway): pods by VPC routes, or with addresses or interfaces of the VPC.

Left to the kernel's word: datapath V2 (Cilium's programs), IPv6.
"""

from kubectl_skoop.plugins.terway.plugin import Terway

__all__ = ["Terway"]
