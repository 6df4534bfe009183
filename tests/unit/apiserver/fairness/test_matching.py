"""Which FlowSchema a request belongs to, with the objects that every cluster has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.api import registry
from podo.api.kinds.flowcontrol import defaults
from podo.apiserver.fairness.dealing import hand_of
from podo.apiserver.fairness.limits import limits_of
from podo.apiserver.fairness.matching import Asked, first_match, in_order, schema_of

SCHEMAS = in_order(map(schema_of, defaults.flow_schemas()))
USERS = ("system:authenticated",)
NODES = ("system:nodes", "system:authenticated")
ACCOUNTS = ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")
LEASES = ("coordination.k8s.io", "leases")


@pytest.mark.parametrize(
    ("asked", "schema"),
    [
        (Asked("root", ("system:masters", *USERS), "get", "", "pods", "default"), "exempt"),
        (Asked("system:anonymous", ("system:unauthenticated",), "get", path="/healthz"), "probes"),
        (Asked("system:anonymous", ("system:unauthenticated",), "get", path="/healthz/ping"), "global-default"),
        (Asked("system:kube-scheduler", USERS, "update", *LEASES, "kube-system"), "system-leader-election"),
        (Asked("system:kube-scheduler", USERS, "list", "", "pods"), "kube-scheduler"),
        (Asked("system:kube-controller-manager", USERS, "update", "", "endpoints", "a"), "endpoint-controller"),
        (Asked("system:kube-controller-manager", USERS, "list", "", "endpoints", "a"), "kube-controller-manager"),
        (Asked("system:node:n1", NODES, "patch", "", "nodes/status"), "system-node-high"),
        (Asked("system:node:n1", NODES, "update", *LEASES, "kube-node-lease"), "system-node-high"),
        (Asked("system:node:n1", NODES, "list", *LEASES), "system-nodes"),  # across namespaces is another scope
        (Asked("system:node:n1", NODES, "get", path="/version"), "system-nodes"),
        (Asked("system:serviceaccount:kube-system:x", ACCOUNTS, "get", *LEASES, "a"), "system-leader-election"),
        (Asked("system:serviceaccount:kube-system:x", ACCOUNTS, "list", "", "pods"), "kube-system-service-accounts"),
        (Asked("system:serviceaccount:kube-systemic:x", ACCOUNTS, "list", "", "pods"), "service-accounts"),
        (Asked("ann", USERS, "delete", "apps", "deployments", "a"), "global-default"),
    ],
)
def test_the_default_schemas(asked: Asked, schema: str) -> None:
    found = first_match(SCHEMAS, asked)
    assert found is not None and found.name == schema


def test_the_defaults_pass_their_own_rules() -> None:
    for obj in (*defaults.flow_schemas(), *defaults.priority_levels()):
        kind = registry.of(obj)
        before = repr(obj["spec"])
        kind.fill_in(obj)
        assert list(kind.problems(obj, None)) == [] and repr(obj["spec"]) == before, obj["metadata"]["name"]


def test_the_default_limits() -> None:
    """The example of the documentation's table of defaults, for 600 requests in flight."""
    limits = limits_of(defaults.priority_levels(), 600)
    nominal = {name: (one.nominal, one.least) for name, one in limits.items()}
    assert nominal == {
        "exempt": (0, 0),
        "catch-all": (13, 13),
        "system": (74, 50),
        "node-high": (98, 73),
        "leader-election": (25, 25),
        "workload-high": (98, 49),
        "workload-low": (245, 24),
        "global-default": (49, 24),
    }
    assert limits["exempt"].exempt and limits["catch-all"].queuing is None
    assert all(one.most == one.nominal + 600 for one in limits.values())


@given(st.text(max_size=20), st.text(max_size=20), st.integers(1, 10_000), st.integers(1, 10))
def test_a_hand_is_of_different_queues_and_always_the_same(schema: str, flow: str, queues: int, size: int) -> None:
    hand = hand_of(schema, flow, queues, size)
    assert hand == hand_of(schema, flow, queues, size)
    assert len(set(hand)) == len(hand) == min(size, queues)
    assert all(0 <= queue < queues for queue in hand)


def test_hands_spread_evenly() -> None:
    count = [0] * 16
    for flow in range(1000):
        for queue in hand_of("s", f"user-{flow}", 16, 4):
            count[queue] += 1
    assert min(count) > 180 and max(count) < 320  # 250 each in the mean
