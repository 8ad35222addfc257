"""Alibaba Cloud: a VPC with its security groups, routes, interfaces, gateways and load balancers."""

from kubectl_skoop.providers.aliyun.provider import Aliyun

__all__ = ["Aliyun"]
