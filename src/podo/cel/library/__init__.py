"""The functions that expressions may call: CEL's own, its extensions, and those of Kubernetes. A library a file."""
