"""NetworkPolicies on one node, compiled to an nftables table of their own."""
