"""A pod's volumes on a real machine, a file a kind."""
