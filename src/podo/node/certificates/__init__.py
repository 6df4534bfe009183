"""What pods prove themselves with and whom they trust: pod certificates, and bundles of trust anchors."""
