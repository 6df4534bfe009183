"""API Priority and Fairness: which requests go first when there are more than the server takes at a time.

Source: "API Priority and Fairness" of the Kubernetes documentation; KEP-1040.
"""
