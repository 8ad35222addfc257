"""What is kept of the answers of SLB (classic load balancers) and NLB, by kind."""

from collections.abc import Mapping

from kubectl_skoop.providers.allow_list import Kind, Spec

_SERVERS: Spec = {"BackendServer": [{"ServerId": 1, "ServerIp": 1, "Port": 1, "Weight": 1, "Type": 1}]}
_LISTENER_OF: Spec = {"MasterSlaveServerGroupId": 1}

BALANCER_KINDS: Mapping[str, Kind] = {
    "AccessControlLists": Kind(
        "AclId", {"AclId": 1, "AclName": 1, "AclEntrys": {"AclEntry": [{"AclEntryIP": 1}]}}
    ),
    "DefaultServers": Kind("LoadBalancerId", {"LoadBalancerId": 1, "BackendServers": _SERVERS}),
    "HealthStatus": Kind(
        "LoadBalancerId",
        {
            "LoadBalancerId": 1,
            "BackendServers": {
                "BackendServer": [
                    {
                        "ListenerPort": 1,
                        "Protocol": 1,
                        "ServerId": 1,
                        "ServerIp": 1,
                        "Port": 1,
                        "ServerHealthStatus": 1,
                    }
                ]
            },
        },
    ),
    "Listeners": Kind(
        "Key",
        {
            "LoadBalancerId": 1,
            "ListenerProtocol": 1,
            "ListenerPort": 1,
            "Status": 1,
            "BackendServerPort": 1,
            "VServerGroupId": 1,
            "Scheduler": 1,
            "AclStatus": 1,
            "AclType": 1,
            "AclId": 1,
            "AclIds": 1,
            "TCPListenerConfig": _LISTENER_OF,
            "UDPListenerConfig": _LISTENER_OF,
        },
    ),
    "LoadBalancers": Kind(
        "LoadBalancerId",
        {
            "LoadBalancerId": 1,
            "LoadBalancerName": 1,
            "LoadBalancerStatus": 1,
            "Address": 1,
            "AddressType": 1,
            "VpcId": 1,
        },
    ),
    "NetworkBalancers": Kind(
        "LoadBalancerId",
        {
            "LoadBalancerId": 1,
            "LoadBalancerName": 1,
            "LoadBalancerStatus": 1,
            "DNSName": 1,
            "AddressType": 1,
            "VpcId": 1,
            "SecurityGroupIds": 1,
            "ZoneMappings": [
                {
                    "LoadBalancerAddresses": [
                        {"PublicIPv4Address": 1, "PrivateIPv4Address": 1, "Ipv6Address": 1}
                    ]
                }
            ],
        },
    ),
    "NetworkHealthStatus": Kind(
        "ListenerId",
        {
            "ListenerId": 1,
            "ServerGroupInfos": [
                {
                    "ServerGroupId": 1,
                    "NonNormalServers": [
                        {"ServerId": 1, "ServerIp": 1, "Port": 1, "Status": 1, "Reason": {"ReasonCode": 1}}
                    ],
                }
            ],
        },
    ),
    "NetworkListeners": Kind(
        "ListenerId",
        {
            "ListenerId": 1,
            "LoadBalancerId": 1,
            "ListenerProtocol": 1,
            "ListenerPort": 1,
            "StartPort": 1,
            "EndPort": 1,
            "ListenerStatus": 1,
            "ServerGroupId": 1,
        },
    ),
    "ServerGroups": Kind(
        "ServerGroupId",
        {
            "ServerGroupId": 1,
            "ServerGroupName": 1,
            "Scheduler": 1,
            "AnyPortEnabled": 1,
            "PreserveClientIpEnabled": 1,
        },
    ),
    "Servers": Kind(
        "Key",
        {"ServerGroupId": 1, "ServerId": 1, "ServerIp": 1, "Port": 1, "Weight": 1, "Status": 1},
    ),
    "VServerGroups": Kind(
        "VServerGroupId",
        {"VServerGroupId": 1, "VServerGroupName": 1, "LoadBalancerId": 1, "BackendServers": _SERVERS},
    ),
}
