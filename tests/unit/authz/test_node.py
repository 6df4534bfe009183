"""Node authorization: what a kubelet may read follows the pods on its node."""

from __future__ import annotations

import pytest

from podo.authz.attributes import Attributes
from podo.authz.node.authorizer import NodeAuthorizer, named_field

POD = {
    "metadata": {"name": "web", "namespace": "a"},
    "spec": {
        "nodeName": "n1",
        "serviceAccountName": "bot",
        "imagePullSecrets": [{"name": "pull"}],
        "initContainers": [{"name": "i", "envFrom": [{"configMapRef": {"name": "env"}}]}],
        "containers": [
            {"name": "m", "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}}]}
        ],
        "volumes": [
            {"name": "s", "secret": {"secretName": "vol"}},
            {"name": "p", "projected": {"sources": [{"configMap": {"name": "root"}}, {"secret": {"name": "proj"}}]}},
            {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
        ],
    },
}


def authorizer() -> NodeAuthorizer:
    found = NodeAuthorizer()
    found.references.add("/core/pods/a/web", POD)
    return found


def asked(verb: str, resource: str, name: str = "", namespace: str = "a", node: str = "n1", **more: str) -> Attributes:
    groups = ("system:nodes", "system:authenticated")
    return Attributes(f"system:node:{node}", groups, verb, resource=resource, name=name, namespace=namespace, **more)


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        *(("secrets", name) for name in ("pull", "key", "vol", "proj")),
        *(("configmaps", name) for name in ("env", "root")),
        ("persistentvolumeclaims", "data"),
        ("serviceaccounts", "bot"),
        ("pods", "web"),
    ],
)
def test_what_its_pods_refer_to(resource: str, name: str) -> None:
    found = authorizer()
    assert found.decide(asked("get", resource, name)).allowed
    assert not found.decide(asked("get", resource, name, namespace="b")).allowed
    assert not found.decide(asked("get", resource, "other")).allowed
    refused = found.decide(asked("get", resource, name, node="n2"))
    assert refused[:2] == (False, "no relationship found between node 'n2' and this object")
    found.references.remove("/core/pods/a/web")
    assert not found.decide(asked("get", resource, name)).allowed


def test_secrets_are_never_listed() -> None:
    found = authorizer()
    assert found.decide(asked("list", "secrets"))[:2] == (False, "No Object name found")
    assert found.decide(asked("list", "secrets", fields="metadata.name=vol")).allowed
    assert not found.decide(asked("watch", "secrets", fields="metadata.name=other")).allowed
    assert found.decide(asked("update", "secrets", "vol"))[:2] == (False, "can only read resources of this type")
    assert found.decide(asked("list", "secrets", namespace="")).reason == "can only read namespaced object of this type"


def test_its_own_node_lease_and_pods() -> None:
    found = authorizer()
    assert found.decide(asked("get", "nodes", "n1", "")).allowed
    why = "node 'n1' cannot read 'n2', only its own Node object"
    assert found.decide(asked("get", "nodes", "n2", ""))[:2] == (False, why)
    assert not found.decide(asked("list", "nodes", "", "")).allowed
    assert found.decide(asked("list", "pods", "", "", fields="spec.nodeName=n1")).allowed
    assert not found.decide(asked("list", "pods", "", "", fields="spec.nodeName=n2")).allowed
    assert not found.decide(asked("list", "pods", "", "", fields="spec.nodeName!=n1")).allowed
    lease = {"group": "coordination.k8s.io"}
    assert found.decide(asked("update", "leases", "n1", "kube-node-lease", **lease)).allowed
    assert not found.decide(asked("update", "leases", "n2", "kube-node-lease", **lease)).allowed
    assert not found.decide(asked("get", "leases", "n1", "kube-system", **lease)).allowed


def test_tokens_of_accounts_its_pods_run_as() -> None:
    found = authorizer()
    assert found.decide(asked("create", "serviceaccounts", "bot", subresource="token")).allowed
    assert not found.decide(asked("create", "serviceaccounts", "admin", subresource="token")).allowed


def test_others_are_none_of_its_business() -> None:
    found = authorizer()
    as_person = asked("get", "secrets", "vol")._replace(groups=("system:authenticated",))
    assert found.decide(as_person)[:2] == (False, "")
    assert not found.decide(asked("delete", "namespaces", "a", "")).allowed
    assert not found.decide(asked("create", "pods", "web", subresource="exec")).allowed
    assert not found.decide(asked("create", "clusterrolebindings", group="rbac.authorization.k8s.io")).allowed


@pytest.mark.parametrize(
    ("fields", "value"),
    [("a=b", "b"), ("x=1,a==b", "b"), ("a!=b", ""), ("", ""), ("b=a", "")],
)
def test_the_value_that_a_selector_demands(fields: str, value: str) -> None:
    assert named_field(fields, "a") == value
