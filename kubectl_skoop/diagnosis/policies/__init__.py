"""What network policies mean for a flow and for the whole cluster, and whether the nodes have it."""
