"""Amazon Web Services: a VPC with its security groups, network ACLs, routes, gateways and load balancers."""

from kubectl_skoop.providers.aws.provider import Aws

__all__ = ["Aws"]
