"""The registry: every kind can be found by each of its names."""

from __future__ import annotations

import pytest

from podo.api import registry
from podo.api.registry import UnknownKind

SHORT = {
    "Pod": "po",
    "Service": "svc",
    "Endpoints": "ep",
    "ConfigMap": "cm",
    "ServiceAccount": "sa",
    "Namespace": "ns",
    "Node": "no",
    "Event": "ev",
    "ReplicaSet": "rs",
    "Deployment": "deploy",
    "HorizontalPodAutoscaler": "hpa",
    "IPAddress": "ip",
    "Ingress": "ing",
    "NetworkPolicy": "netpol",
    "PriorityClass": "pc",
    "VolumeAttributesClass": "vac",
}

#: Of Kubernetes' kinds, those in no namespace, and those that ``kubectl get all`` shows.
CLUSTER_SCOPED = {
    *("APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding"),
    *("ClusterTrustBundle", "ComponentStatus", "CustomResourceDefinition", "DeviceClass", "DeviceTaintRule"),
    *("FlowSchema", "IPAddress", "IngressClass", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
    *("MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume", "PriorityClass"),
    *("PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass", "ServiceCIDR", "StorageClass"),
    *("SelfSubjectAccessReview", "SelfSubjectReview", "SelfSubjectRulesReview", "SubjectAccessReview", "TokenReview"),
    *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration"),
    *("StorageVersionMigration", "VolumeAttachment", "VolumeAttributesClass"),
}
IN_ALL = {
    *("CronJob", "DaemonSet", "Deployment", "HorizontalPodAutoscaler", "Job", "Pod", "ReplicaSet"),
    *("ReplicationController", "Service", "StatefulSet"),
}


@pytest.mark.parametrize("kind", registry.all_kinds(), ids=lambda kind: kind.qualified)
def test_a_kind_is_found_by_each_of_its_names(kind):
    assert registry.named(f"{kind.api_version}/{kind.kind}") is kind
    assert registry.named(f"{kind.group}/{kind.kind}").plural == kind.plural
    assert registry.resource(kind.group, kind.version, kind.plural) is kind
    assert registry.of({"apiVersion": kind.api_version, "kind": kind.kind}) is kind
    assert kind.singular == kind.kind.lower()


@pytest.mark.parametrize(("name", "short"), SHORT.items())
def test_short_names_are_kubectls(name, short):
    assert registry.named(name).short_names == (short,)


def test_the_bare_name_of_event_means_the_core_one():
    assert registry.named("Event").group == ""
    assert registry.named("events.k8s.io/Event").prefix == registry.named("Event").prefix == "/core/events/"


def test_get_all_shows_workloads_and_services():
    for kind in registry.all_kinds():
        assert ("all" in kind.categories) == (kind.kind in IN_ALL), kind.kind


def test_cluster_scoped_kinds():
    for kind in registry.all_kinds():
        assert kind.namespaced == (kind.kind not in CLUSTER_SCOPED), kind.kind


def test_bodies_are_known_and_not_served():
    for name in ("Binding", "Scale"):
        assert registry.named(name) not in registry.all_kinds()
    assert registry.resource("", "v1", "bindings") is None


def test_unknown_kinds():
    with pytest.raises(UnknownKind, match="Widget"):
        registry.named("Widget")
    for given in ({}, {"apiVersion": "v1", "kind": "Widget"}, {"apiVersion": ["v1"], "kind": "Pod"}):
        with pytest.raises(UnknownKind):
            registry.of(given)
    assert registry.resource("", "v1", "widgets") is None
