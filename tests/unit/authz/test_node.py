"""Node authorization: what a kubelet may read follows the pods on its node."""

from __future__ import annotations

import pytest

from podo.authz.attributes import Attributes
from podo.authz.node.authorizer import NodeAuthorizer

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
    assert found.decide(asked("list", "secrets", "vol")).allowed
    assert not found.decide(asked("watch", "secrets", "other")).allowed
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


def test_no_name_is_no_node() -> None:
    found = authorizer()
    nobody = asked("list", "pods", namespace="", node="")
    assert found.decide(nobody)[:2] == (False, 'unknown node for user "system:node:"')
    assert not found.decide(asked("list", "nodes", namespace="", node="")).allowed


def test_a_comma_within_a_value_is_no_second_term() -> None:
    found = authorizer()
    assert not found.decide(asked("list", "pods", fields="metadata.name!=x\\,spec.nodeName=n1")).allowed
    labels = "podo.dev/node notin (a,podo.dev/node=n1,b)"
    assert not found.decide(asked("list", "persistentvolumes", namespace="", labels=labels)).allowed


def test_volumes_of_the_claims_of_its_pods_and_their_secrets() -> None:
    found = authorizer()
    csi = {"nodeStageSecretRef": {"name": "stage", "namespace": "b"}, "controllerPublishSecretRef": {"name": "c"}}
    volume = {"metadata": {"name": "v"}, "spec": {"claimRef": {"namespace": "a", "name": "data"}, "csi": csi}}
    found.references.set_volume("v", volume)
    found.references.set_volume("w", {**volume, "spec": {"claimRef": {"namespace": "a", "name": "other"}}})
    assert found.decide(asked("get", "persistentvolumes", "v", "")).allowed
    assert found.decide(asked("get", "secrets", "stage", "b")).allowed
    for refused in (
        asked("get", "persistentvolumes", "w", ""),
        asked("get", "persistentvolumes", "v", "", node="n2"),
        asked("get", "secrets", "c", "a"),
        asked("get", "secrets", "stage", "a"),
        asked("get", "secrets", "stage", "b", node="n2"),
    ):
        assert not found.decide(refused).allowed, refused
    found.references.set_volume("v", None)
    assert not found.decide(asked("get", "persistentvolumes", "v", "")).allowed
    assert not found.decide(asked("get", "secrets", "stage", "b")).allowed


def test_claims_that_were_made_for_its_pods() -> None:
    found = authorizer()
    spec = {"nodeName": "n1", "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "t"}]}
    status = {
        "resourceClaimStatuses": [{"name": "gpu", "resourceClaimName": "made"}],
        "extendedResourceClaimStatus": {"resourceClaimName": "extended"},
    }
    found.references.add(
        "/core/pods/a/gpu", {"metadata": {"name": "gpu", "namespace": "a"}, "spec": spec, "status": status}
    )
    for name in ("made", "extended"):
        assert found.decide(asked("get", "resourceclaims", name, group="resource.k8s.io")).allowed
    assert not found.decide(asked("get", "resourceclaims", "t", group="resource.k8s.io")).allowed
    assert not found.decide(asked("list", "resourceclaims", "made", group="resource.k8s.io")).allowed
