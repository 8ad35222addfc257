"""The AWS VPC CNI (aws/amazon-vpc-cni-k8s): pods have addresses of the node's network interfaces.

Left to the kernel's word: pods with several interfaces, IPv6.
"""

from kubectl_skoop.plugins.aws_vpc_cni.plugin import AwsVpcCni

__all__ = ["AwsVpcCni"]
