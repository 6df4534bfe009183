"""The FlowSchemas and PriorityLevelConfigurations that every cluster has: mandatory ones, which cannot differ, and
suggested ones, which an administrator may change (annotation ``apf.kubernetes.io/autoupdate-spec: "false"``).

Source: "Default configuration" of "API Priority and Fairness"; values as of upstream 1.37.
"""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj

AUTOUPDATE = "apf.kubernetes.io/autoupdate-spec"
EXEMPT, CATCH_ALL = "exempt", "catch-all"
#: Names of objects of both kinds that must be there.
MANDATORY = frozenset({EXEMPT, CATCH_ALL})
_API = "flowcontrol.apiserver.k8s.io/v1"
_EVERYBODY = ("system:unauthenticated", "system:authenticated")
_LEADING = ["get", "create", "update"]

#: Name: shares, percent that may be lent, queues, size of a hand. Queues hold 50 requests.
_QUEUED = {
    "system": (30, 33, 64, 6),
    "node-high": (40, 25, 64, 6),
    "leader-election": (10, 0, 16, 4),
    "workload-high": (40, 50, 128, 6),
    "workload-low": (100, 90, 128, 6),
    "global-default": (20, 50, 128, 6),
}


def priority_levels() -> list[Obj]:
    exempt = {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}}
    rejecting = {"nominalConcurrencyShares": 5, "lendablePercent": 0, "limitResponse": {"type": "Reject"}}
    found = [_object("PriorityLevelConfiguration", EXEMPT, exempt)]
    found.append(_object("PriorityLevelConfiguration", CATCH_ALL, {"type": "Limited", "limited": rejecting}))
    for name, (shares, lendable, queues, hand) in _QUEUED.items():
        queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": 50}
        limited = {
            "nominalConcurrencyShares": shares,
            "lendablePercent": lendable,
            "limitResponse": {"type": "Queue", "queuing": queuing},
        }
        found.append(_object("PriorityLevelConfiguration", name, {"type": "Limited", "limited": limited}))
    return found


def flow_schemas() -> list[Obj]:
    leases, nodes = _resources(_LEADING, "coordination.k8s.io", "leases"), _groups("system:nodes")
    manager, scheduler = _users("system:kube-controller-manager"), _users("system:kube-scheduler")
    kube_system = _accounts("*")
    node_high = [
        _resources(["*"], "", "nodes", "nodes/status", cluster=True),
        _resources(["*"], "coordination.k8s.io", "leases"),
    ]
    probes = {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}
    return [
        _schema(EXEMPT, EXEMPT, 1, "", _all(_groups("system:masters"))),
        _schema("probes", EXEMPT, 2, "", {"subjects": _groups(*_EVERYBODY), "nonResourceRules": [probes]}),
        _schema(
            "system-leader-election",
            "leader-election",
            100,
            "ByUser",
            {"subjects": [*manager, *scheduler, *kube_system], "resourceRules": [leases]},
        ),
        _schema(
            "endpoint-controller",
            "workload-high",
            150,
            "ByUser",
            {
                "subjects": [*manager, *_accounts("endpoint-controller", "endpointslicemirroring-controller")],
                "resourceRules": [_resources(_LEADING, "", "endpoints")],
            },
        ),
        _schema(
            "workload-leader-election",
            "leader-election",
            200,
            "ByUser",
            {"subjects": kube_system, "resourceRules": [leases]},
        ),
        _schema("system-node-high", "node-high", 400, "ByUser", {"subjects": nodes, "resourceRules": node_high}),
        _schema("system-nodes", "system", 500, "ByUser", _all(nodes)),
        _schema("kube-controller-manager", "workload-high", 800, "ByNamespace", _all(manager)),
        _schema("kube-scheduler", "workload-high", 800, "ByNamespace", _all(scheduler)),
        _schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", _all(kube_system)),
        _schema("service-accounts", "workload-low", 9000, "ByUser", _all(_groups("system:serviceaccounts"))),
        _schema("global-default", "global-default", 9900, "ByUser", _all(_groups(*_EVERYBODY))),
        _schema(CATCH_ALL, CATCH_ALL, 10000, "ByUser", _all(_groups(*_EVERYBODY))),
    ]


def _object(kind: str, name: str, spec: Obj) -> Obj:
    metadata = {"name": name, "annotations": {AUTOUPDATE: "true"}}
    return {"apiVersion": _API, "kind": kind, "metadata": metadata, "spec": spec}


def _schema(name: str, level: str, precedence: int, distinguisher: str, rule: Obj) -> Obj:
    spec: Obj = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence, "rules": [rule]}
    if distinguisher:
        spec["distinguisherMethod"] = {"type": distinguisher}
    return _object("FlowSchema", name, spec)


def _all(subjects: list[Obj]) -> Obj:
    """Whatever these subjects ask for."""
    resources: dict[str, Any] = {field: ["*"] for field in ("verbs", "apiGroups", "resources", "namespaces")}
    return {
        "subjects": subjects,
        "resourceRules": [resources | {"clusterScope": True}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    }


def _resources(verbs: list[str], group: str, *resources: str, cluster: bool = False) -> Obj:
    rule: Obj = {"verbs": verbs, "apiGroups": [group], "resources": list(resources), "namespaces": ["*"]}
    return rule | {"clusterScope": True} if cluster else rule


def _groups(*names: str) -> list[Obj]:
    return [{"kind": "Group", "group": {"name": name}} for name in names]


def _users(*names: str) -> list[Obj]:
    return [{"kind": "User", "user": {"name": name}} for name in names]


def _accounts(*names: str) -> list[Obj]:
    return [{"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": name}} for name in names]
