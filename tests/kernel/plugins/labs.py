"""The lab of each mode of a plugin, and what is asked there."""

from kubectl_skoop.testing.aws_vpc_cni import AwsLab, CustomNetworkLab, PrefixLab
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.cni import CniLab
from kubectl_skoop.testing.terway import EniIpLab, ExclusiveLab, RoutedLab
from kubectl_skoop.testing.topology import CNI_MODES, Backend, Mode

FLOWS = (
    "pod/default/a to pod/default/a2:8080",
    "pod/default/a to pod/default/b:8080",
    "pod/default/a to svc/default/web",
    "pod/default/b to pod/default/a",
    "node/n1 to pod/default/b:8080",
)
"""What is asked where a fault's row does not say."""


def lab_of(mode: Mode, backend: Backend = "iptables-nft") -> ClusterLab:
    match mode:
        case "aws-vpc-cni":
            return AwsLab(backend)
        case "aws-custom-network":
            return CustomNetworkLab(backend)
        case "aws-prefixes":
            return PrefixLab(backend)
        case "terway-eniip":
            return EniIpLab(backend)
        case "terway-vpc":
            return RoutedLab(backend)
        case "terway-eni":
            return ExclusiveLab(backend)
        case _:
            return CniLab(mode, backend) if mode in CNI_MODES else ClusterLab(mode, backend)
