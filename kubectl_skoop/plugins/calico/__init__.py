"""Calico: a host route for each pod; between nodes BGP, or a vxlan of Felix (projectcalico/calico)."""

from kubectl_skoop.plugins.calico.plugin import Calico

__all__ = ["Calico"]
