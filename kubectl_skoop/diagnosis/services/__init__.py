"""What was meant by the services against what kube-proxy's rules on a node do."""
