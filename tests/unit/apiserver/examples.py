"""A small valid object of every kind the API serves: what it needs beside apiVersion, kind and metadata."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Kind

Obj = dict[str, Any]

_LABELS = {"app": "web"}
_POD = {"containers": [{"name": "main", "image": "nginx:1.14.2"}]}
_TEMPLATE = {"metadata": {"labels": _LABELS}, "spec": _POD}
_ONCE = {"spec": {**_POD, "restartPolicy": "Never"}}
_REPLICATED = {"spec": {"selector": {"matchLabels": _LABELS}, "template": _TEMPLATE}}
_ROLE = {"apiGroup": "rbac.authorization.k8s.io", "name": "reader"}
_REQUEST = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIS01IRUNBUUF3RHpFTk1Bc0dBMVVFQXd3RWFtRnVaVEJaTUJN"
    "R0J5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSApBMElBQk44Sk9aZURmclZ0SU1ud0JGRnozVlZSaXVuYTlmZFBGUTFUcDJtZEo0TXhJ"
    "WnQ2TjlTWW5GUnN2WTBTCmlrK1BJSE9xeFk4LzJ4NGNTaTlyNEhKR1pscWdBREFLQmdncWhrak9QUVFEQWdOSkFEQkdBaUVBNHJN"
    "RVJPUWQKWjhlRC9HN2QvOFN6THRMd3pJRlgxTjFTUTFJblpyVzZxb0VDSVFDTzdhQWpxUXF6Z1l4ZzRsOE5uYTZuSUlzcApFZkxx"
    "TUFGc3gzaFNuc3FCdFE9PQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K"
)
#: A CA's certificate, and a request signed by its key (both Ed25519).
_CA = (
    "-----BEGIN CERTIFICATE-----\n"
    "MIHlMIGYoAMCAQICAQEwBQYDK2VwMBIxEDAOBgNVBAMMB2V4YW1wbGUwHhcNMjYw\n"
    "MTAxMDAwMDAwWhcNNDYwMTAxMDAwMDAwWjASMRAwDgYDVQQDDAdleGFtcGxlMCow\n"
    "BQYDK2VwAyEAE4qMsejFdyB26u9S8o10tenBKBVi2VWiDCbeaqDf8imjEzARMA8G\n"
    "A1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EAu+bImFOHPDmPpKPz7eHXRffBE4TgpVPw\n"
    "G1ZDnyjSYky1xEV483Lz4f+UG0BNpodarwHdptStILXeEUUbgk2ZBg==\n"
    "-----END CERTIFICATE-----\n"
)
_POD_CERTIFICATE = {
    "signerName": "example.com/signer",
    "podName": "web",
    "podUID": "00000000-0000-4000-8000-000000000001",
    "serviceAccountName": "default",
    "serviceAccountUID": "00000000-0000-4000-8000-000000000002",
    "nodeName": "n1",
    "nodeUID": "00000000-0000-4000-8000-000000000003",
    "stubPKCS10Request": (
        "MH8wMwIBADAAMCowBQYDK2VwAyEAynSEnP567QSBy6960Y+y+/6TZ+KVAcxW2xy1d0Hugk2gADAFBgMrZXADQQCnXJS0xhqyqL9E"
        "Dro2pwlSJwuugSItqqEj7FTWg6AIKmmUtKjCGYJWZil3q8i2nIMPc31bmrjOHetWzQhNWk8K"
    ),
}
_WHEN = "2026-01-01T00:00:00.000000Z"
_SUBJECT = {"apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": "default"}
_SCALED = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
_BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
_DEVICES = {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.example.com"}}]}}
_SLICE = {"driver": "gpu.example.com", "pool": {"name": "n1", "generation": 1, "resourceSliceCount": 1}}
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
_VOLUME = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/tmp/v"}}
_HOOK = {
    "name": "check.example.com",
    "clientConfig": {"url": "https://hooks.example.com/check"},
    "admissionReviewVersions": ["v1"],
    "sideEffects": "None",
}
_LOCAL = {"group": "a.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10}
_MATCH = {
    "resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["*"]}]
}
_FLOW = {
    "priorityLevelConfiguration": {"name": "workload-low"},
    "rules": [
        {
            "subjects": [{"kind": "Group", "group": {"name": "system:authenticated"}}],
            "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/version"]}],
        }
    ],
}
_DEFINITION = {
    "group": "example.com",
    "scope": "Namespaced",
    "names": {"plural": "gauges", "kind": "Gauge"},
    "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}],
}

#: ``apiVersion/Kind`` -> the fields beside metadata.
FIELDS: dict[str, Obj] = {
    "v1/ConfigMap": {"data": {"a": "b"}},
    "v1/Endpoints": {},
    "v1/Event": {"involvedObject": _SUBJECT, "reason": "Tested", "type": "Normal"},
    "v1/LimitRange": {"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}},
    "v1/Namespace": {},
    "v1/Node": {},
    "v1/PersistentVolume": {"spec": _VOLUME},
    "v1/PersistentVolumeClaim": {"spec": _CLAIM},
    "v1/Pod": {"spec": _POD},
    "v1/PodTemplate": {"template": _TEMPLATE},
    "v1/ReplicationController": {"spec": {"selector": _LABELS, "template": _TEMPLATE}},
    "v1/ResourceQuota": {"spec": {"hard": {"services": "5"}}},
    "v1/Secret": {"data": {"a": "Yg=="}},
    "v1/Service": {"spec": {"ports": [{"port": 80}]}},
    "v1/ServiceAccount": {},
    "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy": {
        "spec": {
            "matchConstraints": _MATCH,
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{}]"}}],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
        }
    },
    "admissionregistration.k8s.io/v1/MutatingAdmissionPolicyBinding": {"spec": {"policyName": "policy"}},
    "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration": {"webhooks": [_HOOK]},
    "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy": {
        "spec": {"matchConstraints": _MATCH, "validations": [{"expression": "true"}]}
    },
    "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding": {
        "spec": {"policyName": "policy", "validationActions": ["Deny"]}
    },
    "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration": {"webhooks": [_HOOK]},
    "apiregistration.k8s.io/v1/APIService": {"spec": _LOCAL},
    "apiextensions.k8s.io/v1/CustomResourceDefinition": {"spec": _DEFINITION},
    "apps/v1/ControllerRevision": {"revision": 1, "data": {"spec": {}}},
    "apps/v1/DaemonSet": _REPLICATED,
    "apps/v1/Deployment": _REPLICATED,
    "apps/v1/ReplicaSet": _REPLICATED,
    "apps/v1/StatefulSet": {"spec": {**_REPLICATED["spec"], "serviceName": "web"}},
    "autoscaling/v1/HorizontalPodAutoscaler": {"spec": {"scaleTargetRef": _SCALED, "maxReplicas": 3}},
    "autoscaling/v2/HorizontalPodAutoscaler": {"spec": {"scaleTargetRef": _SCALED, "maxReplicas": 3}},
    "batch/v1/CronJob": {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": _ONCE}}}},
    "batch/v1/Job": {"spec": {"template": _ONCE}},
    "coordination.k8s.io/v1/Lease": {"spec": {"holderIdentity": "me"}},
    "certificates.k8s.io/v1/CertificateSigningRequest": {
        "spec": {"request": _REQUEST, "signerName": "example.com/signer", "usages": ["client auth"]}
    },
    "certificates.k8s.io/v1/ClusterTrustBundle": {"spec": {"trustBundle": _CA}},
    "certificates.k8s.io/v1/PodCertificateRequest": {"spec": _POD_CERTIFICATE},
    "discovery.k8s.io/v1/EndpointSlice": {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}]},
    "events.k8s.io/v1/Event": {
        "regarding": _SUBJECT,
        "reason": "Tested",
        "type": "Normal",
        "action": "Testing",
        "eventTime": _WHEN,
        "reportingController": "example.com/test",
        "reportingInstance": "test-1",
    },
    "flowcontrol.apiserver.k8s.io/v1/FlowSchema": {"spec": _FLOW},
    "flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration": {
        "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}
    },
    "networking.k8s.io/v1/IPAddress": {"spec": {"parentRef": {"resource": "services", "name": "web"}}},
    "networking.k8s.io/v1/Ingress": {"spec": {"defaultBackend": _BACKEND}},
    "networking.k8s.io/v1/IngressClass": {"spec": {"controller": "example.com/ingress"}},
    "networking.k8s.io/v1/NetworkPolicy": {"spec": {"podSelector": {"matchLabels": _LABELS}}},
    "networking.k8s.io/v1/ServiceCIDR": {"spec": {"cidrs": ["10.97.0.0/24"]}},
    "node.k8s.io/v1/RuntimeClass": {"handler": "crun"},
    "policy/v1/PodDisruptionBudget": {"spec": {"minAvailable": 1, "selector": {"matchLabels": _LABELS}}},
    "rbac.authorization.k8s.io/v1/ClusterRole": {"rules": []},
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding": {"roleRef": {**_ROLE, "kind": "ClusterRole"}},
    "rbac.authorization.k8s.io/v1/Role": {"rules": []},
    "rbac.authorization.k8s.io/v1/RoleBinding": {"roleRef": {**_ROLE, "kind": "Role"}},
    "resource.k8s.io/v1/DeviceClass": {"spec": {}},
    "resource.k8s.io/v1/DeviceTaintRule": {"spec": {"taint": {"key": "example.com/broken", "effect": "NoSchedule"}}},
    "resource.k8s.io/v1/ResourceClaim": {"spec": _DEVICES},
    "resource.k8s.io/v1/ResourceClaimTemplate": {"spec": {"spec": _DEVICES}},
    "resource.k8s.io/v1/ResourceSlice": {"spec": {**_SLICE, "nodeName": "n1"}},
    "storagemigration.k8s.io/v1/StorageVersionMigration": {"spec": {"resource": {"resource": "secrets"}}},
    "scheduling.k8s.io/v1/PriorityClass": {"value": 100},
    "storage.k8s.io/v1/CSIDriver": {"spec": {}},
    "storage.k8s.io/v1/CSINode": {"spec": {"drivers": [{"name": "csi.example.com", "nodeID": "n1"}]}},
    "storage.k8s.io/v1/CSIStorageCapacity": {"storageClassName": "fast"},
    "storage.k8s.io/v1/StorageClass": {"provisioner": "csi.example.com"},
    "storage.k8s.io/v1/VolumeAttachment": {
        "spec": {"attacher": "csi.example.com", "nodeName": "n1", "source": {"persistentVolumeName": "pv"}}
    },
    "storage.k8s.io/v1/VolumeAttributesClass": {"driverName": "csi.example.com", "parameters": {"iops": "100"}},
}
#: Names that a kind's own rules ask for.
_NAMES = {
    "CustomResourceDefinition": ("gauges.example.com", "meters.example.com"),
    "APIService": ("v1.a.example.com", "v1.b.example.com"),
    "IPAddress": ("10.97.0.7", "10.97.0.8"),
}
#: What the second example must have otherwise.
_SECOND = {
    "CustomResourceDefinition": {"spec": {**_DEFINITION, "names": {"plural": "meters", "kind": "Meter"}}},
    "APIService": {"spec": {**_LOCAL, "group": "b.example.com"}},
}


def example(kind: Kind, index: int = 0) -> Obj:
    """The first or second example of a kind. KeyError for a kind that has none: add one above."""
    first_two = _NAMES.get(kind.kind, ("example-1", "example-2"))
    metadata: Obj = {"name": first_two[index], "labels": {"example": "yes"}}
    if kind.namespaced:
        metadata["namespace"] = "default"
    fields = FIELDS[f"{kind.api_version}/{kind.kind}"]
    if index:
        fields = {**fields, **_SECOND.get(kind.kind, {})}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **fields}
