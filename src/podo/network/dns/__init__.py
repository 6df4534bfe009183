"""Cluster DNS: names of Services and pods, answered by every node."""
