"""The three roles for users, admin, edit and view: each is aggregated from roles with its label, also from those that
a cluster's administrator adds.
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.authz.rbac.written import GROUP, READ, WRITE, aggregated, cluster_role, rule

_NETWORK = "networking.k8s.io"
_VIEWED: tuple[tuple[str, str], ...] = (
    (
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers"
        " replicationcontrollers/scale serviceaccounts services services/status",
        "",
    ),
    (
        "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status"
        " resourcequotas resourcequotas/status",
        "",
    ),
    ("namespaces", ""),
    ("endpointslices", "discovery.k8s.io"),
    (
        "controllerrevisions statefulsets statefulsets/status statefulsets/scale daemonsets daemonsets/status"
        " deployments deployments/status deployments/scale replicasets replicasets/status replicasets/scale",
        "apps",
    ),
    ("horizontalpodautoscalers horizontalpodautoscalers/status", "autoscaling"),
    ("jobs cronjobs cronjobs/status jobs/status", "batch"),
    (
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status"
        " replicasets replicasets/scale replicasets/status replicationcontrollers/scale networkpolicies",
        "extensions",
    ),
    ("poddisruptionbudgets poddisruptionbudgets/status", "policy"),
    ("networkpolicies ingresses ingresses/status", _NETWORK),
    ("resourceclaims resourceclaims/status resourceclaimtemplates", "resource.k8s.io"),
)
_EDITED: tuple[tuple[str, str], ...] = (
    ("pods pods/attach pods/exec pods/portforward pods/proxy", ""),
    (
        "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets"
        " serviceaccounts services services/proxy",
        "",
    ),
    (
        "statefulsets statefulsets/scale daemonsets deployments deployments/scale deployments/rollback replicasets"
        " replicasets/scale",
        "apps",
    ),
    ("horizontalpodautoscalers", "autoscaling"),
    ("jobs cronjobs", "batch"),
    (
        "daemonsets deployments deployments/rollback deployments/scale ingresses replicasets replicasets/scale"
        " replicationcontrollers/scale networkpolicies",
        "extensions",
    ),
    ("poddisruptionbudgets", "policy"),
    ("networkpolicies ingresses", _NETWORK),
    ("resourceclaims resourceclaimtemplates", "resource.k8s.io"),
)


def _label(role: str) -> dict[str, str]:
    return {f"{GROUP}/aggregate-to-{role}": "true"}


def user_roles() -> list[Obj]:
    return [
        aggregated("admin", "aggregate-to-admin"),
        aggregated("edit", "aggregate-to-edit", **_label("admin")),
        aggregated("view", "aggregate-to-view", **_label("edit")),
        cluster_role(
            "system:aggregate-to-admin",
            rule("create", "localsubjectaccessreviews", "authorization.k8s.io"),
            rule(f"{READ} {WRITE}", "roles rolebindings", GROUP),
            **_label("admin"),
        ),
        cluster_role(
            "system:aggregate-to-edit",
            rule(READ, "pods/attach pods/proxy pods/exec pods/portforward secrets services/proxy"),
            rule("impersonate", "serviceaccounts"),
            rule("create", "pods/eviction"),
            rule("create", "serviceaccounts/token"),
            *(rule(WRITE, resources, group) for resources, group in _EDITED),
            rule(f"{READ} {WRITE}", "leases", "coordination.k8s.io"),
            **_label("edit"),
        ),
        cluster_role(
            "system:aggregate-to-view",
            *(rule(READ, resources, group) for resources, group in _VIEWED),
            **_label("view"),
        ),
    ]
