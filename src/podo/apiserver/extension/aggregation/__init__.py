"""The aggregation layer: group versions that another API server behind a Service answers for.

Source: "Kubernetes API Aggregation Layer" and "Configure the Aggregation Layer" of the Kubernetes documentation.
"""
