"""A node: pods from the API become containers, and what happens to them becomes status."""
