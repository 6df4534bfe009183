"""Access control in a whole cluster: aggregated roles follow what they select, old certificate
requests go."""

from __future__ import annotations

import base64
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from podo.api.meta import name_of
from podo.lab import World
from tests.unit.apiserver.examples import FIELDS


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
