"""Access control in a whole cluster: aggregated roles follow what they select, old certificate
requests go."""

from __future__ import annotations

import base64
import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from podo.api.errors import ApiError
from podo.api.meta import name_of
from podo.apiserver.local import LocalClient
from podo.lab import World
from tests.unit.apiserver.examples import FIELDS
from tests.unit.cluster.wishes import wish


def verbs_of(world: World, role: str, resource: str) -> list[str]:
    rules = world.get("ClusterRole", role, "")["rules"] or []
    return [verb for rule in rules if resource in rule["resources"] for verb in rule["verbs"]]


def test_admin_edit_and_view_are_made_of_the_roles_that_they_select() -> None:
    with World(nodes=0, seed=4) as world:
        world.wait_until(lambda: "get" in verbs_of(world, "admin", "pods"), within=10)
        assert "create" in verbs_of(world, "edit", "deployments")
        assert verbs_of(world, "view", "secrets") == []
        assert "create" in verbs_of(world, "admin", "rolebindings") and not verbs_of(world, "edit", "rolebindings")
        extra = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "widgets", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
            "rules": [{"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["get"]}],
        }
        world.apply(extra)
        for role in ("view", "edit", "admin"):
            world.wait_until(lambda role=role: verbs_of(world, role, "widgets") == ["get"], within=10)
        world.delete("ClusterRole", "widgets", "")
        world.wait_until(lambda: verbs_of(world, "admin", "widgets") == [], within=10)


def test_certificate_requests_are_removed_when_they_are_old() -> None:
    fields = FIELDS["certificates.k8s.io/v1/CertificateSigningRequest"]
    kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    with World(nodes=0, seed=4) as world:
        world.apply({**kind, "metadata": {"name": "waits"}, **fields})
        world.advance(23 * 3600)
        assert world.get("CertificateSigningRequest", "waits", "")
        world.wait_for("CertificateSigningRequest", "waits", condition="delete", within=2 * 3600, namespace="")


def issued(world: World, seconds: int) -> str:
    """A certificate that is of use for so long."""
    now = datetime.datetime.fromtimestamp(world.now, datetime.UTC)
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    end = now + datetime.timedelta(seconds=seconds)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, end).sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def test_approved_requests_are_kept_for_an_hour_or_as_long_as_their_certificate_is_of_use() -> None:
    kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    spec = {**FIELDS["certificates.k8s.io/v1/CertificateSigningRequest"]["spec"], "signerName": "example.com/ours"}
    with World(nodes=0, seed=4) as world:

        def left() -> list[str]:
            return [name_of(request) for request in world.list("CertificateSigningRequest")]

        for name in ("long", "short", "unsigned"):
            world.apply({**kind, "metadata": {"name": name}, "spec": spec})
            approved = [{"type": "Approved", "status": "True", "reason": "ByHand", "message": "fine"}]
            patch: dict = {"status": {"conditions": approved}}
            world.run(world.client.patch("CertificateSigningRequest", name, patch=patch, subresource="approval"))
        for name, seconds in (("long", 86400), ("short", 1800)):
            patch = {"status": {"certificate": issued(world, seconds)}}
            world.run(world.client.patch("CertificateSigningRequest", name, patch=patch, subresource="status"))
        world.advance(29 * 60)
        assert left() == ["long", "short", "unsigned"]
        world.advance(2 * 60)
        assert left() == ["long", "unsigned"]
        world.advance(30 * 60)
        assert left() == ["unsigned"], "somebody may sign it yet"
        world.advance(22 * 3600)
        assert left() == ["unsigned"]
        world.advance(2 * 3600)
        assert left() == []


def test_requests_for_pod_certificates_are_removed_after_half_an_hour() -> None:
    fields = FIELDS["certificates.k8s.io/v1/PodCertificateRequest"]
    kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "PodCertificateRequest"}
    with World(nodes=0, seed=4) as world:
        world.apply({**kind, "metadata": {"name": "waits", "namespace": "default"}, **fields})
        world.advance(29 * 60)
        assert world.get("PodCertificateRequest", "waits")
        world.wait_for("PodCertificateRequest", "waits", condition="delete", within=120)


KUBELET = "kubernetes.io/kube-apiserver-client-kubelet"
USAGES = ["client auth", "digital signature"]
SELF = "Auto approving self kubelet client certificate after SubjectAccessReview."
ANY = "Auto approving kubelet client certificate after SubjectAccessReview."


def as_user(world: World, user: str, *groups: str) -> LocalClient:
    return LocalClient(world.simulation._plane.api, user, groups)


def asked(name: str, users: tuple[str, ...], **spec: Any) -> dict[str, Any]:
    kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name}}
    whole = {"request": wish(*users, groups=("system:nodes",)), "signerName": KUBELET, "usages": USAGES}
    return {**kind, "spec": {**whole, **spec}}


def bound(group: str, subresource: str) -> dict[str, Any]:
    """What ``kubeadm init`` binds."""
    rbac = "rbac.authorization.k8s.io"
    role = f"system:certificates.k8s.io:certificatesigningrequests:{subresource}"
    return {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"approve-{subresource}"},
        "subjects": [{"apiGroup": rbac, "kind": "Group", "name": group}],
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
    }


def decisions(world: World, name: str) -> list[tuple[str, str, str]]:
    status = world.get("CertificateSigningRequest", name, "").get("status") or {}
    return [(one["type"], one["reason"], one["message"]) for one in status.get("conditions") or ()]


def test_a_nodes_next_certificate_is_approved_once_nodes_may_have_them() -> None:
    with World(nodes=0, seed=4) as world:
        node = as_user(world, "system:node:n1", "system:nodes")
        for name in ("next", "denied"):
            world.run(node.create(asked(name, ("system:node:n1",))))
        no: dict[str, Any] = {"type": "Denied", "status": "True", "reason": "ByHand", "message": "no"}
        patch = {"status": {"conditions": [no]}}
        world.run(world.client.patch("CertificateSigningRequest", "denied", patch=patch, subresource="approval"))
        world.advance(600)
        assert decisions(world, "next") == []
        world.apply(bound("system:nodes", "selfnodeclient"))
        world.wait_until(lambda: decisions(world, "next") == [("Approved", "AutoApproved", SELF)], within=1000)
        assert decisions(world, "denied") == [("Denied", "ByHand", "no")]
        condition = world.get("CertificateSigningRequest", "next", "")["status"]["conditions"][0]
        assert condition["lastUpdateTime"] == condition["lastTransitionTime"]
        world.run(node.create(asked("another", ("system:node:n1",))))
        world.wait_until(lambda: decisions(world, "another") == [("Approved", "AutoApproved", SELF)], within=1)


def test_a_node_neither_approves_its_request_nor_asks_for_anothers_certificate() -> None:
    with World(nodes=0, seed=4) as world:
        node = as_user(world, "system:node:n1", "system:nodes")
        made = world.run(node.create(asked("own", ("system:node:n1",))))
        yes = {"type": "Approved", "status": "True", "reason": "ByItself", "message": "yes"}
        with pytest.raises(ApiError, match="cannot update resource"):
            world.run(node.update({**made, "status": {"conditions": [yes]}}, subresource="approval"))
        world.apply(bound("system:nodes", "selfnodeclient"))
        for name, users in (("other", ("system:node:n2",)), ("first", ("system:node:n1", "system:node:n2"))):
            with pytest.raises(ApiError, match="can only create a node CSR with CN=system:node:n1"):
                world.run(node.create(asked(name, users)))
        world.run(node.create(asked("last", ("system:node:n2", "system:node:n1"))))
        world.advance(1800)
        assert decisions(world, "last") == [], "a certificate of two names is nobody's"


def test_a_nodes_first_certificate_is_approved_for_who_may_bootstrap_nodes_and_no_other() -> None:
    wrong: dict[str, dict[str, Any]] = {
        "serving": {"signerName": "kubernetes.io/kubelet-serving", "usages": ["server auth", "digital signature"]},
        "client": {"signerName": "kubernetes.io/kube-apiserver-client"},
        "usages": {"usages": ["client auth"]},
        "group": {"request": wish("system:node:n1", groups=("system:nodes", "system:admins"))},
        "user": {"request": wish("admin", groups=("system:nodes",))},
        "named": {"request": wish("system:node:n1", groups=("system:nodes",), names=(x509.DNSName("n1"),))},
    }
    with World(nodes=0, seed=4) as world:
        bootstrap, creating = bound("system:bootstrappers", "nodeclient"), bound("system:bootstrappers", "create")
        world.apply(bootstrap)
        world.apply({**creating, "roleRef": {**creating["roleRef"], "name": "system:node-bootstrapper"}})
        joining = as_user(world, "system:bootstrap:abcdef", "system:bootstrappers")
        for name, spec in wrong.items():
            world.run(joining.create(asked(name, ("system:node:n1",), **spec)))
        world.run(joining.create(asked("first", ("system:node:n1",))))
        world.wait_until(lambda: decisions(world, "first") == [("Approved", "AutoApproved", ANY)], within=1)
        world.advance(1800)
        assert {name: decisions(world, name) for name in wrong} == {name: [] for name in wrong}
