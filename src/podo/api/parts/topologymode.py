"""The annotations of a Service that ask for endpoints near by zone: today's and the former one, which counts first.

Source: "Topology Aware Routing" of the Kubernetes documentation.
"""

from __future__ import annotations

FORMER = "service.kubernetes.io/topology-aware-hints"
MODE = "service.kubernetes.io/topology-mode"
