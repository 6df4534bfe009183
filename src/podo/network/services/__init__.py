"""Services: ClusterIPs and NodePorts as elements of a few nftables maps, instead of chains a Service."""
