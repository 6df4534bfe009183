"""What nodes, namespaces, their limits and quotas, roles and bindings must be like, as a client sees it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.judged import Obj, assert_begin, causes_of, changed, created, one, told
from tests.unit.apiserver.world import World, in_world

RBAC = "rbac.authorization.k8s.io/v1"
EFFECTS = '"NoSchedule", "PreferNoSchedule", "NoExecute"'


def node(**fields: Any) -> Obj:
    return one("v1", "Node", **{"spec": {}, **fields})


def binding(kind: str, role: str, *subjects: Obj) -> Obj:
    return one(RBAC, kind, roleRef={"kind": role, "name": "view"}, subjects=list(subjects))


def quota(**spec: Any) -> Obj:
    return one("v1", "ResourceQuota", spec=spec)


NEW: list[tuple[Obj, list[str]]] = [
    (
        node(spec={"taints": [{"key": "a", "value": "-", "effect": "Never"}]}, status={"capacity": {"cpu": "-1"}}),
        [
            'metadata.taints[0].value: Invalid value: "-": a valid label must be ',
            f'metadata.taints[0].effect: Unsupported value: "Never": supported values: {EFFECTS}',
            'status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0',
            'status.allocatable.cpu: Invalid value: "-1": must be greater than or equal to 0',
        ],
    ),
    (
        node(spec={"podCIDRs": ["10.0.0.0/24", "10.0.0.0/24"]}),
        [
            'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.0.0/24"]: may specify no more than one CIDR for each',
            'spec.podCIDRs[1]: Duplicate value: "10.0.0.0/24"',
        ],
    ),
    (
        one("v1", "Namespace", spec={"finalizers": ["mine"]}),
        ['spec.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified'],
    ),
    (
        one("v1", "LimitRange", spec={"limits": [{"type": "Machine", "max": {"cpu": "1"}}]}),
        ['spec.limits[0].type: Invalid value: "Machine": must be a standard limit type or fully qualified'],
    ),
    (
        quota(hard={"cpus": "1", "pods": "1.5"}),
        [
            'spec.hard[cpus]: Invalid value: "cpus": must be a standard resource type or fully qualified',
            'spec.hard[cpus]: Invalid value: "cpus": must be a standard resource for quota',
            'spec.hard[pods]: Invalid value: "1500m": must be an integer',
        ],
    ),
    (
        quota(
            scopeSelector={
                "matchExpressions": [
                    {"scopeName": "BestEffort", "operator": "Exists", "values": ["a"]},
                    {"scopeName": "NotBestEffort", "operator": "DoesNotExist"},
                ]
            }
        ),
        [
            'spec.scopeSelector.matchExpressions.values: Invalid value: ["a"]: '
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            "spec.scopeSelector.matchExpressions.operator: Invalid value: \"DoesNotExist\": must be 'Exists' when ",
            "spec.scopeSelector.matchExpressions: Invalid value: ",
        ],
    ),
    (binding("RoleBinding", "Role", {"kind": "ServiceAccount", "name": "a"}), []),
    (
        binding("ClusterRoleBinding", "ClusterRole", {"kind": "ServiceAccount", "name": "a"}, {"kind": "User"}),
        [
            "subjects[0].namespace: Required value",
            "subjects[1].name: Required value",
            'subjects[1].name: Invalid value: "": user name cannot be empty',
        ],
    ),
    (
        one(RBAC, "ClusterRole", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"-": "a"}}]}),
        ['aggregationRule.clusterRoleSelectors[0].matchLabels: Invalid value: "-": '],
    ),
    (
        one(
            "v1", "Endpoints", subsets=[{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 1, "appProtocol": "-"}]}]
        ),
        ['subsets[0].ports[0].appProtocol: Invalid value: "-": '],
    ),
]


@pytest.mark.parametrize(("given", "wanted"), NEW)
def test_what_the_things_of_a_cluster_must_be_like(given: Obj, wanted: list[str]) -> None:
    assert_begin(told(given), wanted)


FROZEN = "Forbidden: field is immutable when `immutable` is set"
CHANGES: list[tuple[Obj, Obj, list[str]]] = [
    (quota(scopes=["BestEffort", "NotTerminating"]), quota(scopes=["NotTerminating", "BestEffort"]), []),
    (
        quota(scopes=["BestEffort"]),
        quota(scopes=["NotTerminating"]),
        ['spec.scopes: Invalid value: ["NotTerminating"]: field is immutable'],
    ),
    (node(spec={"externalID": "a"}), node(), ["spec.externalID: Forbidden: may not be updated"]),
    (
        one("v1", "ConfigMap", data={"a": "b"}, immutable=True),
        one("v1", "ConfigMap", data={"a b": "c"}, immutable=True),
        [f"data: {FROZEN}", 'data[a b]: Invalid value: "a b": '],
    ),
    (
        one("v1", "Secret", type="a/b"),
        one("v1", "Secret", type="kubernetes.io/ssh-auth"),
        [
            'type: Invalid value: "kubernetes.io/ssh-auth": field is immutable',
            "data[ssh-privatekey]: Required value",
        ],
    ),
]


@pytest.mark.parametrize(("old", "new", "wanted"), CHANGES)
def test_what_may_change(old: Obj, new: Obj, wanted: list[str]) -> None:
    assert_begin(told(new, old), wanted)


def test_a_node_has_each_of_its_addresses_once() -> None:
    address = {"type": "InternalIP", "address": "10.0.0.1"}
    found = told(node(status={"addresses": [address, address]}), node(), subresource="status")
    assert found == ['status.addresses[1]: Duplicate value: {"type":"InternalIP","address":"10.0.0.1"}']


def test_the_phase_of_a_namespace_follows_from_its_deletion() -> None:
    async def test(world: World) -> None:
        await created(world, one("v1", "Namespace"))
        patch = {"status": {"phase": "Terminating"}}
        target = "/api/v1/namespaces/web/status"
        answer = await world.ask("PATCH", target, patch, content_type="application/merge-patch+json")
        assert causes_of(*answer) == [
            "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"
        ]
        told_of = {"status": {"conditions": [{"type": "a.example/b", "status": "True"}]}}
        status, _ = await world.ask("PATCH", target, told_of, content_type="application/merge-patch+json")
        assert status == 200

    in_world(test)


def test_changed_leaves_the_first_as_it_was() -> None:
    given = node()
    assert changed(given, spec__unschedulable=True)["spec"] == {"unschedulable": True}
    assert given["spec"] == {}
