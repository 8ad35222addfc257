"""What a snapshot keeps for Calico, beside what it keeps anyway."""

BGP_CONFIGURATION = "BGPConfiguration.crd.projectcalico.org"
BGP_PEER = "BGPPeer.crd.projectcalico.org"
FELIX_CONFIGURATION = "FelixConfiguration.crd.projectcalico.org"
KINDS = (BGP_CONFIGURATION, BGP_PEER, FELIX_CONFIGURATION)
REFLECTOR = "projectcalico.org/RouteReflectorClusterID"
