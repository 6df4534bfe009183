"""A row a controller: what it is given to do, and what must come of it."""

from __future__ import annotations

import base64
from typing import Any

from podo.api.kinds.networking.ipaddress import of_service
from tests.contracts.controllers import always
from tests.contracts.controllers.example import Change, Example, Pass, Put, Remove, Step
from tests.unit.apiserver.examples import FIELDS
from tests.unit.cluster.wishes import wish

APPS, BATCH, RBAC = "apps/v1", "batch/v1", "rbac.authorization.k8s.io/v1"
ADMISSION, CERTIFICATES = "admissionregistration.k8s.io/v1", "certificates.k8s.io/v1"
EXTENSIONS, FLOW, STORAGE = "apiextensions.k8s.io/v1", "flowcontrol.apiserver.k8s.io/v1", "storage.k8s.io/v1"
NETWORKING = "networking.k8s.io/v1"
MINUTE, HOUR = 60.0, 3600.0

LABELS = {"app": "web"}
CONTAINERS: dict[str, Any] = {"containers": [{"name": "main", "image": "nginx:1.14.2"}]}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": CONTAINERS}
REPLICATED = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}
ONCE = {"spec": {**CONTAINERS, "restartPolicy": "Never"}}
READY = [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}]
NODE_STATUS = {
    "conditions": READY,
    "addresses": [{"type": "InternalIP", "address": "192.0.2.7"}],
    "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
MANUAL = {"storageClassName": "manual"}
VOLUME = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/srv/it"}}
PROVISIONED = "pv.kubernetes.io/provisioned-by"
CERTIFICATE_REQUEST = FIELDS[f"{CERTIFICATES}/CertificateSigningRequest"]["spec"]
DEFINITION = FIELDS[f"{EXTENSIONS}/CustomResourceDefinition"]["spec"]
RESOURCE = "resource.k8s.io/v1"
TRACKING = "ConfigMap", "kube-apiserver-legacy-service-account-token-tracking"
DEVICE_CLAIM = FIELDS[f"{RESOURCE}/ResourceClaim"]["spec"]
_RESULT = {"request": "gpu", "driver": "gpu.example.com", "pool": "n1", "device": "gpu-0"}
#: For the pod ``a``.
ALLOCATED = {
    "status": {
        "allocation": {"devices": {"results": [_RESULT]}},
        "reservedFor": [{"resource": "pods", "name": "a", "uid": "uid of Pod a"}],
    }
}
#: Whether a change of a pod was the last that was published.
TRIGGER = '"annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "a moment"}, '
TAINTED = {
    "deviceSelector": {"driver": "gpu.example.com"},
    "taint": {"key": "example.com/broken", "effect": "NoExecute"},
}


def of(controller: str, *steps: Step, touches: str, **more: Any) -> Example:
    """``touches``: kinds, with spaces between them."""
    return Example(controller, steps, frozenset(touches.split()), **more)


def put(kind: str, name: str, namespace: str = "default", *, version: str = "v1", **content: Any) -> Put:
    """``namespace`` "" for a kind without; ``metadata``: labels, annotations and the like."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **content.pop("metadata", {})}
    return Put({"apiVersion": version, "kind": kind, "metadata": metadata, **content})


def node(name: str, **metadata: Any) -> tuple[Step, Step]:
    """A node that is ready: new ones have a taint until that is seen."""
    made = {"labels": {"kubernetes.io/hostname": name}, **metadata}
    untainted = Change("Node", name, {"spec": {"taints": None}}, "")
    return put("Node", name, "", metadata=made, status=NODE_STATUS), untainted


def pod(name: str, **spec: Any) -> Put:
    return put("Pod", name, metadata={"labels": LABELS}, spec={**CONTAINERS, **spec})


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def bootstrap_token(name: str, **data: str) -> Put:
    content = {"token-id": name, "token-secret": "0123456789abcdef", **data}
    coded_content = {key: coded(value) for key, value in content.items()}
    kind = "bootstrap.kubernetes.io/token"
    return put("Secret", f"bootstrap-token-{name}", "kube-system", type=kind, data=coded_content)


def approved(name: str) -> Change:
    condition = {"type": "Approved", "status": "True", "reason": "Tested", "message": "by a test"}
    patch = {"status": {"conditions": [condition]}}
    return Change("CertificateSigningRequest", name, patch, "", "approval")


WORKLOADS = (
    of(
        "deployment",
        put("Deployment", "web", version=APPS, spec={**REPLICATED, "replicas": 2}),
        Change("Deployment", "web", {"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}}),
        touches="Deployment ReplicaSet",
        beside=("replicaset",),
        kubelet=True,
        shows=('^Deployment .*"availableReplicas": 2', '^ReplicaSet .*revision": "1".*"replicas": 0'),
        always=always.rolls_within_its_bounds,
    ),
    of(
        "replicaset",
        put("ReplicaSet", "web", version=APPS, spec={**REPLICATED, "replicas": 3}),
        Change("ReplicaSet", "web", {"spec": {"replicas": 2}}),
        touches="ReplicaSet Pod",
        kubelet=True,
        shows=('^ReplicaSet .*"readyReplicas": 2', "^Pod .*one of ReplicaSet web"),
        always=always.has_three_pods_at_most,
    ),
    of(
        "replicationcontroller",
        put("ReplicationController", "web", spec={"replicas": 2, "selector": LABELS, "template": TEMPLATE}),
        pod("orphan"),
        touches="ReplicationController Pod",
        kubelet=True,
        shows=('^ReplicationController .*"readyReplicas": 2',),
    ),
    of(
        "daemonset",
        *node("n1"),
        put("DaemonSet", "web", version=APPS, spec=REPLICATED),
        *node("n2"),
        touches="DaemonSet Pod ControllerRevision",
        kubelet=True,
        shows=('^DaemonSet .*"numberAvailable": 2', "^Pod .*n1", "^Pod .*n2", "^ControllerRevision "),
    ),
    of(
        "statefulset",
        put(
            *("StatefulSet", "web"),
            version=APPS,
            spec={
                **REPLICATED,
                "replicas": 2,
                "serviceName": "web",
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}],
            },
        ),
        Change("StatefulSet", "web", {"spec": {"replicas": 1}}),
        touches="StatefulSet Pod ControllerRevision PersistentVolumeClaim",
        kubelet=True,
        shows=('^StatefulSet .*"readyReplicas": 1', "^PersistentVolumeClaim .*data-web-1"),
        always=always.comes_in_order,
    ),
    of(
        "job",
        put("Job", "once", version=BATCH, spec={"completions": 3, "parallelism": 2, "template": ONCE}),
        touches="Job Pod",
        kubelet=True,
        shows=('^Job .*"succeeded": 3', '^Job .*"type": "Complete"'),
        hides=("batch.kubernetes.io/job-tracking.*Pod",),
        always=always.counts_before_it_lets_go,
    ),
    of(
        "ttlafterfinished",
        put("Job", "once", version=BATCH, spec={"ttlSecondsAfterFinished": 60, "template": ONCE}),
        Pass(2 * MINUTE),
        touches="Job",
        beside=("job", "garbagecollector"),
        kubelet=True,
        hides=("^Job ",),
    ),
    of(
        "cronjob",
        put(
            *("CronJob", "often"),
            version=BATCH,
            spec={"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": ONCE}}},
        ),
        Pass(5 * MINUTE),
        Change("CronJob", "often", {"spec": {"suspend": True}}),
        touches="CronJob Job",
        beside=("job",),
        kubelet=True,
        shows=('^CronJob .*"lastSuccessfulTime"', "^Job .*one of CronJob often"),
    ),
    of(
        "horizontalpodautoscaler",
        put("Deployment", "web", version=APPS, spec={**REPLICATED, "replicas": 1}),
        put(
            *("HorizontalPodAutoscaler", "web"),
            version="autoscaling/v2",
            spec={
                "scaleTargetRef": {"apiVersion": APPS, "kind": "Deployment", "name": "web"},
                "minReplicas": 2,
                "maxReplicas": 3,
            },
        ),
        touches="HorizontalPodAutoscaler Deployment",
        beside=("deployment", "replicaset"),
        kubelet=True,
        shows=('^Deployment .*"spec": {[^}]*"replicas": 2', '^HorizontalPodAutoscaler .*"currentReplicas": 2'),
        varies='"lastScaleTime": "[^"]*", |"desiredReplicas": ., ',  # written after it has scaled
    ),
    of(
        "disruption",
        put("ReplicaSet", "web", version=APPS, spec={**REPLICATED, "replicas": 3}),
        put(
            *("PodDisruptionBudget", "web"),
            version="policy/v1",
            spec={"minAvailable": 2, "selector": {"matchLabels": LABELS}},
        ),
        touches="PodDisruptionBudget",
        beside=("replicaset",),
        kubelet=True,
        shows=('^PodDisruptionBudget .*"disruptionsAllowed": 1',),
    ),
    of(
        "staledisruption",
        put(
            *("Pod", "web"),
            spec=CONTAINERS,
            status={"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]},
        ),
        touches="Pod",
        shows=('^Pod .*"status": "False"',),
        hides=("EvictionByEvictionAPI",),
    ),
)

SERVICES = (
    of(
        "endpointslice",
        put("Service", "web", spec={"selector": LABELS, "ports": [{"port": 80}]}),
        pod("a"),
        pod("b"),
        Remove("Pod", "a"),
        touches="EndpointSlice",
        kubelet=True,
        shows=('^EndpointSlice .*"ready": true.*"name": "b"',),
        hides=('^EndpointSlice .*"name": "a"',),
        varies=TRIGGER,
    ),
    of(
        "endpoints",
        put("Service", "web", spec={"selector": LABELS, "ports": [{"port": 80}]}),
        pod("a"),
        touches="Endpoints",
        kubelet=True,
        shows=('^Endpoints .*"addresses".*"name": "a"',),
        varies=TRIGGER,
    ),
    of(
        "endpointslicemirroring",
        put("Service", "outside", spec={"ports": [{"port": 80}]}),
        put("Endpoints", "outside", subsets=[{"addresses": [{"ip": "192.0.2.9"}], "ports": [{"port": 80}]}]),
        touches="EndpointSlice",
        shows=("^EndpointSlice .*192.0.2.9",),
    ),
    of(
        "clusterdns",
        *node("n1", annotations={"podo.dev/dns-port": "53"}),
        Change("Node", "n1", {"metadata": {"annotations": {"podo.dev/dns-port": "10053"}}}, ""),
        touches="EndpointSlice",
        shows=("^EndpointSlice kube-system .*192.0.2.7.*10053",),
    ),
)

NODES = (
    of(
        "nodelifecycle",
        pod("a", nodeName="n1"),
        *node("n1"),
        Pass(2 * MINUTE),
        touches="Node Pod",
        kubelet=True,
        shows=(
            '^Node .*"status": "Unknown"',
            "^Node .*node.kubernetes.io/unreachable",
            '^Pod .*"name": "a".*"status": "False"[^}]*"type": "Ready"',
        ),
    ),
    of(
        "tainteviction",
        *node("n1"),
        pod("a", nodeName="n1"),
        Change("Node", "n1", {"spec": {"taints": [{"key": "bad", "effect": "NoExecute"}]}}, ""),
        touches="Pod",
        kubelet=True,
        hides=("^Pod ",),
    ),
    of("ttl", *node("n1"), touches="Node", shows=('^Node .*"node.alpha.kubernetes.io/ttl": "0"',)),
    of("nodeipam", *node("n1"), touches="Node", shows=('^Node .*"podCIDR"',)),
    of(
        "podgc",
        *node("n1"),
        put("Pod", "a", metadata={"finalizers": ["example.com/seen"]}, spec=CONTAINERS),
        pod("b"),
        Remove("Pod", "a"),
        Change("Pod", "a", {"metadata": {"finalizers": None}}),
        touches="Pod",
        shows=('^Pod .*"name": "b"',),
        hides=('^Pod .*"name": "a"',),
    ),
    of(
        "podgc-orphaned",
        *node("n1"),
        pod("a", nodeName="n1"),
        pod("b"),
        Remove("Node", "n1", ""),
        Pass(5 * MINUTE),
        Pass(MINUTE),  # whoever starts anew waits as long again
        touches="Pod",
        shows=('^Pod .*"name": "b"',),
        hides=('^Pod .*"name": "a"',),
    ),
    of(
        "podgc-finished",
        *(put("Pod", name, spec=ONCE["spec"]) for name in ("a", "b", "c", "d")),
        touches="Pod",
        kubelet=True,
        shows=('^Pod .*"name": "c"', '^Pod .*"name": "d"'),
        hides=('^Pod .*"name": "a"',),
    ),
)

VOLUMES = (
    of(
        "pvcprotection",
        put("PersistentVolumeClaim", "data", spec=CLAIM),
        pod("a", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]),
        Remove("PersistentVolumeClaim", "data"),
        Remove("Pod", "a"),
        touches="PersistentVolumeClaim",
        kubelet=True,
        hides=("^PersistentVolumeClaim ",),
    ),
    of(
        "pvprotection",
        put("PersistentVolume", "disk", "", spec={**VOLUME, **MANUAL}),
        Remove("PersistentVolume", "disk", ""),
        touches="PersistentVolume",
        hides=("^PersistentVolume ",),
    ),
    of(
        "persistentvolumeclaim",
        put("PersistentVolumeClaim", "data", spec={**CLAIM, **MANUAL}),
        put("PersistentVolume", "disk", "", spec={**VOLUME, **MANUAL}),
        touches="PersistentVolumeClaim PersistentVolume",
        beside=("persistentvolume",),
        shows=('^PersistentVolumeClaim .*"phase": "Bound"', '^PersistentVolume .*"phase": "Bound"'),
    ),
    of(
        "persistentvolume",
        put("PersistentVolume", "disk", "", spec={**VOLUME, **MANUAL}),
        put("PersistentVolumeClaim", "data", spec={**CLAIM, **MANUAL}),
        Remove("PersistentVolumeClaim", "data"),
        touches="PersistentVolume PersistentVolumeClaim",
        beside=("persistentvolumeclaim", "pvcprotection"),
        shows=('^PersistentVolume .*"phase": "Released"',),
    ),
    of(
        "localprovisioner",
        *node("n1"),
        put("StorageClass", "local", "", version=STORAGE, provisioner="podo.dev/local"),
        put("PersistentVolumeClaim", "data", spec={**CLAIM, "storageClassName": "local"}),
        touches="PersistentVolume PersistentVolumeClaim",
        beside=("persistentvolumeclaim", "persistentvolume"),
        shows=(f"^PersistentVolume .*{PROVISIONED}.*n1", '^PersistentVolumeClaim .*"phase": "Bound"'),
    ),
    of(
        "volumeexpand",
        *node("n1"),
        put(
            *("StorageClass", "local", ""),
            version=STORAGE,
            provisioner="podo.dev/local",
            allowVolumeExpansion=True,
        ),
        put("PersistentVolumeClaim", "data", spec={**CLAIM, "storageClassName": "local"}),
        Change("PersistentVolumeClaim", "data", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}),
        touches="PersistentVolume PersistentVolumeClaim",
        beside=("persistentvolumeclaim", "persistentvolume", "localprovisioner"),
        shows=(
            '^PersistentVolume .*"capacity": {"storage": "2Gi"}',
            '^PersistentVolumeClaim .*"capacity": {"storage": "2Gi"}',
        ),
    ),
    of(
        "ephemeralvolume",
        pod("a", volumes=[{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": CLAIM}}}]),
        touches="PersistentVolumeClaim",
        shows=("^PersistentVolumeClaim .*one of Pod a",),
    ),
)

ACCESS = (
    of(
        "rootcapublisher",
        put("Namespace", "team", ""),
        Change("ConfigMap", "kube-root-ca.crt", {"data": {"ca.crt": "forged"}}, "team"),
        Change("ConfigMap", "kube-root-ca.crt", {"metadata": {"annotations": None}}, "team"),
        touches="ConfigMap",
        shows=("^ConfigMap team .*BEGIN CERTIFICATE", "^ConfigMap team .*kubernetes.io/description"),
        hides=("forged",),
    ),
    of(
        "kube-apiserver-serving-clustertrustbundle-publisher",
        touches="ClusterTrustBundle",
        shows=("^ClusterTrustBundle .*kubernetes.io/kube-apiserver-serving",),
    ),
    of(
        "certificatesigning",
        put(
            *("CertificateSigningRequest", "jane", ""),
            version=CERTIFICATES,
            spec={**CERTIFICATE_REQUEST, "signerName": "kubernetes.io/kube-apiserver-client"},
        ),
        approved("jane"),
        touches="CertificateSigningRequest",
        shows=('^CertificateSigningRequest .*"certificate": ',),
    ),
    of(
        "csrapproving",
        put(
            *("CertificateSigningRequest", "node", ""),
            version=CERTIFICATES,
            spec={
                "request": wish("system:node:n1", groups=("system:nodes",)),
                "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
                "usages": ["client auth", "digital signature"],
            },
        ),
        touches="CertificateSigningRequest authorization.k8s.io/SubjectAccessReview",
        shows=('^CertificateSigningRequest .*"reason": "AutoApproved"',),
    ),
    of(
        "certificatecleaner",
        put("CertificateSigningRequest", "jane", "", version=CERTIFICATES, spec=CERTIFICATE_REQUEST),
        Pass(25 * HOUR),
        touches="CertificateSigningRequest",
        hides=("^CertificateSigningRequest ",),
    ),
    of(
        "podcertificaterequestcleaner",
        put(
            *("PodCertificateRequest", "a"),
            version=CERTIFICATES,
            spec=FIELDS[f"{CERTIFICATES}/PodCertificateRequest"]["spec"],
        ),
        Pass(25 * HOUR),
        touches="PodCertificateRequest",
        hides=("^PodCertificateRequest ",),
    ),
    of(
        "tokensecrets",
        put("ServiceAccount", "bot"),
        put("ServiceAccount", "gone"),
        *(
            put(
                *("Secret", f"token-of-{name}"),
                type="kubernetes.io/service-account-token",
                metadata={"annotations": {"kubernetes.io/service-account.name": name}},
            )
            for name in ("bot", "gone")
        ),
        Remove("ServiceAccount", "gone"),
        touches="Secret",
        shows=(f'^Secret .*"token": "{coded("a token")}".*token-of-bot',),
        hides=("token-of-gone",),
    ),
    of(
        "legacytokentracking",
        Change(*TRACKING, {"data": {"since": "long ago"}}, "kube-system"),
        Pass(HOUR),
        Remove(*TRACKING, "kube-system"),
        touches="ConfigMap",
        shows=('^ConfigMap kube-system .*"since": "2026-',),
    ),
    of(
        "legacytokencleaner",
        put(*TRACKING, "kube-system", data={"since": "2025-12-31"}),
        put("ServiceAccount", "bot", secrets=[{"name": "old"}, {"name": "used"}]),
        *(
            put(
                *("Secret", name),
                type="kubernetes.io/service-account-token",
                metadata={"annotations": {"kubernetes.io/service-account.name": "bot"}},
            )
            for name in ("old", "used", "by-hand")
        ),
        Change("Secret", "used", {"metadata": {"labels": {"kubernetes.io/legacy-token-last-used": "2028-01-02"}}}),
        Pass(370 * 24 * HOUR),
        Pass(370 * 24 * HOUR),
        touches="Secret",
        shows=('^Secret .*"name": "used"', '^Secret .*"name": "by-hand"'),
        hides=('^Secret .*"name": "old"', "legacy-token-invalid-since"),
    ),
    of(
        "tokencleaner",
        bootstrap_token("abcdef", expiration="2026-01-01T01:00:00Z"),
        bootstrap_token("bcdefg"),
        Pass(2 * HOUR),
        touches="Secret",
        shows=("^Secret .*bootstrap-token-bcdefg",),
        hides=("^Secret .*bootstrap-token-abcdef",),
    ),
    of(
        "bootstrapsigner",
        put("Namespace", "kube-public", ""),
        put("ConfigMap", "cluster-info", "kube-public", data={"kubeconfig": "a kubeconfig"}),
        bootstrap_token("abcdef", **{"usage-bootstrap-signing": "true"}),
        touches="ConfigMap",
        shows=("^ConfigMap kube-public .*jws-kubeconfig-abcdef",),
    ),
    of(
        "clusterroleaggregation",
        put(
            *("ClusterRole", "all", ""),
            version=RBAC,
            aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"part-of": "all"}}]},
        ),
        put(
            *("ClusterRole", "part", ""),
            version=RBAC,
            metadata={"labels": {"part-of": "all"}},
            rules=[{"apiGroups": [""], "resources": ["grapes"], "verbs": ["get"]}],
        ),
        touches="ClusterRole",
        shows=('^ClusterRole .*aggregationRule.*"name": "all".*grapes',),
    ),
    of(
        "serviceaccount",
        put("Namespace", "team", ""),
        Remove("ServiceAccount", "default", "team"),
        touches="ServiceAccount",
        shows=("^ServiceAccount team .*default",),
    ),
)

RANGES = (
    of(
        "servicecidr",
        put("ServiceCIDR", "kubernetes", "", version=NETWORKING, spec={"cidrs": ["10.96.0.0/16"]}),
        put("ServiceCIDR", "more", "", version=NETWORKING, spec={"cidrs": ["10.1.0.0/24"]}),
        put("ServiceCIDR", "less", "", version=NETWORKING, spec={"cidrs": ["10.2.0.0/24"]}),
        *(Put(of_service(address, "default", "a")) for address in ("10.1.0.5", "10.2.0.5")),
        *(Remove("ServiceCIDR", name, "") for name in ("more", "less")),
        Remove("IPAddress", "10.2.0.5", ""),
        Pass(MINUTE),
        touches="ServiceCIDR",
        shows=(
            "^ServiceCIDR .*service-cidr-finalizer.*kubernetes.*Kubernetes Service CIDR is ready",
            "^ServiceCIDR .*service-cidr-finalizer.*more.*There are still IPAddresses referencing the ServiceCIDR",
        ),
        hides=('^ServiceCIDR .*"name": "less"',),
    ),
    of(
        "clusteriprepair",
        put("ServiceCIDR", "kubernetes", "", version=NETWORKING, spec={"cidrs": ["10.96.0.0/16"]}),
        put("Service", "a", spec={"ports": [{"port": 80}], "clusterIP": "10.96.0.9"}),
        put("Service", "b", spec={"ports": [{"port": 80}], "clusterIP": "10.96.0.10"}),
        Remove("IPAddress", "10.96.0.9", ""),
        Change("IPAddress", "10.96.0.10", {"metadata": {"labels": None}}, ""),
        Pass(MINUTE),
        put("Service", "c", spec={"ports": [{"port": 80}], "clusterIP": "10.96.0.11"}),
        Remove("Service", "c"),
        touches="IPAddress",
        shows=(
            '^IPAddress .*ipallocator.k8s.io.*parentRef.*"name": "a"',
            '^IPAddress .*ipallocator.k8s.io.*parentRef.*"name": "b"',
        ),
        hides=('^IPAddress .*"name": "c"',),
    ),
    of(
        "ipaddressrepair",
        put("Service", "a", spec={"ports": [{"port": 80}], "clusterIP": "10.96.0.9"}),
        put("Service", "b", spec={"ports": [{"port": 80}], "clusterIP": "None"}),
        Put(of_service("10.96.0.10", "default", "b")),
        Put(of_service("10.96.0.11", "default", "gone")),
        Pass(2 * MINUTE),
        touches="IPAddress",
        shows=('^IPAddress .*parentRef.*"name": "a"',),
        hides=('^IPAddress .*"name": "b"', '^IPAddress .*"name": "gone"'),
    ),
)

API = (
    of(
        "namespace",
        put("Namespace", "team", ""),
        put("ServiceAccount", "default", "team"),
        put("ConfigMap", "settings", "team"),
        put("Pod", "a", "team", spec=CONTAINERS),
        Remove("Namespace", "team", ""),
        touches="Namespace ConfigMap Pod ServiceAccount",
        kubelet=True,
        hides=("team",),
    ),
    of(
        "garbagecollector",
        put("ConfigMap", "owner"),
        *(
            put(
                *("ConfigMap", name),
                metadata={"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "gone"}]},
            )
            for name in ("a", "b")
        ),
        touches="ConfigMap",
        shows=('^ConfigMap .*"name": "owner"',),
        hides=('^ConfigMap .*"name": "[ab]"',),
    ),
    of(
        "customresourcedefinition",
        put("CustomResourceDefinition", "gauges.example.com", "", version=EXTENSIONS, spec=DEFINITION),
        put(
            *("CustomResourceDefinition", "meters.example.com", ""),
            version=EXTENSIONS,
            spec={**DEFINITION, "names": {"plural": "meters", "kind": "Gauge"}},
        ),
        touches="CustomResourceDefinition",
        shows=(
            '^CustomResourceDefinition .*gauges.*"status": "True", "type": "Established"',
            "^CustomResourceDefinition .*KindConflict|^CustomResourceDefinition .*ListKindConflict",
        ),
    ),
    of(
        "storageversionmigration",
        put("ConfigMap", "settings"),
        put(
            *("StorageVersionMigration", "again", ""),
            version="storagemigration.k8s.io/v1",
            spec={"resource": {"group": "", "resource": "configmaps"}},
        ),
        touches="StorageVersionMigration ConfigMap",
        shows=('^StorageVersionMigration .*"type": "Succeeded"',),
    ),
    of(
        "eventttl",
        put(
            *("Event", "a"),
            involvedObject={"kind": "Pod", "name": "a", "namespace": "default", "apiVersion": "v1"},
            reason="Tested",
        ),
        Pass(2 * HOUR),
        touches="Event",
        hides=("^Event ",),
    ),
    of(
        "flowschema",
        put(
            *("FlowSchema", "mine", ""),
            version=FLOW,
            spec={
                **FIELDS[f"{FLOW}/FlowSchema"]["spec"],
                "priorityLevelConfiguration": {"name": "none"},
            },
        ),
        touches="FlowSchema",
        shows=('^FlowSchema .*"status": "True"[^}]*"type": "Dangling"',),
    ),
    of(
        "prioritylevelconfiguration",
        Remove("PriorityLevelConfiguration", "catch-all", ""),
        touches="PriorityLevelConfiguration",
        shows=("^PriorityLevelConfiguration .*catch-all",),
    ),
    of(
        "validatingadmissionpolicystatus",
        put(
            *("ValidatingAdmissionPolicy", "few", ""),
            version=ADMISSION,
            spec={
                **FIELDS[f"{ADMISSION}/ValidatingAdmissionPolicy"]["spec"],
                "validations": [{"expression": "object.spec.grapes > 1"}],
            },
        ),
        touches="ValidatingAdmissionPolicy",
        shows=('^ValidatingAdmissionPolicy .*"typeChecking"',),
    ),
)

DEVICES = (
    of(
        "resourceclaimtemplate",
        put("ResourceClaimTemplate", "gpu", version=RESOURCE, spec={"spec": DEVICE_CLAIM}),
        pod("a", resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": "gpu"}]),
        touches="ResourceClaim Pod",
        shows=("^ResourceClaim .*one of Pod a", '^Pod .*"resourceClaimName": "one of Pod a"'),
    ),
    of(
        "resourceclaim",
        put("ResourceClaim", "gpu", version=RESOURCE, spec=DEVICE_CLAIM),
        pod("a", resourceClaims=[{"name": "gpu", "resourceClaimName": "gpu"}]),
        Change("ResourceClaim", "gpu", ALLOCATED, subresource="status"),
        Remove("Pod", "a"),
        touches="ResourceClaim",
        kubelet=True,
        shows=("^ResourceClaim ",),
        hides=("reservedFor",),
    ),
    of(
        "devicetainteviction",
        put("ResourceClaim", "gpu", version=RESOURCE, spec=DEVICE_CLAIM),
        pod("a", nodeName="n1", resourceClaims=[{"name": "gpu", "resourceClaimName": "gpu"}]),
        Change("ResourceClaim", "gpu", ALLOCATED, subresource="status"),
        put("DeviceTaintRule", "broken", "", version=RESOURCE, spec=TAINTED),
        touches="Pod",
        kubelet=True,
        hides=("^Pod ",),
    ),
    of(
        "devicetaintrulestatus",
        put("ResourceClaim", "gpu", version=RESOURCE, spec=DEVICE_CLAIM),
        pod("a", nodeName="n1", resourceClaims=[{"name": "gpu", "resourceClaimName": "gpu"}]),
        Change("ResourceClaim", "gpu", ALLOCATED, subresource="status"),
        put("DeviceTaintRule", "broken", "", version=RESOURCE, spec=TAINTED),
        touches="DeviceTaintRule",
        shows=("^DeviceTaintRule .*PodsPendingEviction",),
    ),
)

EXAMPLES = (*WORKLOADS, *SERVICES, *RANGES, *NODES, *VOLUMES, *ACCESS, *API, *DEVICES)
