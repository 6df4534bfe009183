"""What a node does for the network: Services in nftables, cluster DNS. Each a pure compiler and a thin applier."""
