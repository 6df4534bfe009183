"""A control list after the CIS Kubernetes Benchmark: each control looks at a running cluster from outside."""
