"""Alibaba Cloud: a VPC with its security groups, routes and network interfaces, and its ways out."""

from kubectl_skoop.providers.aliyun.provider import Aliyun

__all__ = ["Aliyun"]
