"""Static pods: those of a directory of manifests on the node, run without the API and shown there by mirror pods."""
