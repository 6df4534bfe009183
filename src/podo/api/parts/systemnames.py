"""Users and groups that Kubernetes itself gives a meaning: who may do everything, and who is a node's kubelet.

Source: "Using RBAC Authorization" (default roles) and "Using Node Authorization" of the Kubernetes documentation.
"""

from __future__ import annotations

#: The group that may do everything.
MASTERS = "system:masters"
#: The group of the nodes' kubelets, and what the name of a kubelet's user begins with; the node's name follows.
NODES, NODE_PREFIX = "system:nodes", "system:node:"
