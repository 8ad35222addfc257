"""Walks a packet through a Kubernetes cluster as the kernel would."""

__version__ = "0.1.0"
