"""A made-up cluster of any size: what its nodes, pods and services are, and what its kernels hold."""
