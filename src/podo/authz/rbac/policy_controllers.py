"""A role for each controller, bound to its service account in kube-system ("Controller roles" of the Kubernetes
documentation), as which it acts: see ``podo.controllers.identities``.
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.authz.rbac.written import EVENTS, READ, account, cluster_binding, cluster_role, rule

_PODS = rule("create delete list patch watch", "pods")
_SCALES = "apps,extensions"

_CONTROLLERS: dict[str, tuple[Obj, ...]] = {
    "attachdetach-controller": (
        rule("list watch", "persistentvolumeclaims persistentvolumes"),
        rule(READ, "nodes"),
        rule("patch update", "nodes/status"),
        rule("list watch", "pods"),
        rule("create delete get list watch", "volumeattachments", "storage.k8s.io"),
        rule(READ, "csidrivers csinodes", "storage.k8s.io"),
        EVENTS,
    ),
    "clusterrole-aggregation-controller": (
        rule("escalate get list patch update watch", "clusterroles", "rbac.authorization.k8s.io"),
    ),
    "cronjob-controller": (
        rule("get list update watch", "cronjobs", "batch"),
        rule("create delete get list patch update watch", "jobs", "batch"),
        rule("update", "cronjobs/status", "batch"),
        rule("update", "cronjobs/finalizers", "batch"),
        rule("delete list watch", "pods"),
        EVENTS,
    ),
    "daemon-set-controller": (
        rule("get list watch", "daemonsets", _SCALES),
        rule("update", "daemonsets/status", _SCALES),
        rule("update", "daemonsets/finalizers", _SCALES),
        rule("list watch", "nodes"),
        _PODS,
        rule("create", "pods/binding"),
        rule("create delete get list patch update watch", "controllerrevisions", "apps"),
        EVENTS,
    ),
    "deployment-controller": (
        rule("get list update watch", "deployments", _SCALES),
        rule("update", "deployments/status", _SCALES),
        rule("update", "deployments/finalizers", _SCALES),
        rule("create delete get list patch update watch", "replicasets", _SCALES),
        rule("get list update watch", "pods"),
        EVENTS,
    ),
    "disruption-controller": (
        rule(READ, "deployments", _SCALES),
        rule(READ, "replicasets", _SCALES),
        rule(READ, "replicationcontrollers"),
        rule(READ, "poddisruptionbudgets", "policy"),
        rule(READ, "statefulsets", "apps"),
        rule("patch update", "poddisruptionbudgets/status", "policy"),
        rule("patch update", "pods/status"),
        rule("get", "*/scale", "*"),
        EVENTS,
    ),
    "endpoint-controller": (
        rule(READ, "pods services"),
        rule("create delete get list update watch", "endpoints"),
        rule("create", "endpoints/restricted"),
        EVENTS,
    ),
    "endpointslice-controller": (
        rule(READ, "nodes pods services"),
        rule("update", "services/finalizers"),
        rule("create delete get list update watch", "endpointslices", "discovery.k8s.io"),
        EVENTS,
    ),
    "endpointslicemirroring-controller": (
        rule(READ, "endpoints services"),
        rule("update", "services/finalizers"),
        rule("update", "endpoints/finalizers"),
        rule("create delete get list update watch", "endpointslices", "discovery.k8s.io"),
        EVENTS,
    ),
    "ephemeral-volume-controller": (
        rule("update", "pods/finalizers"),
        rule(READ, "pods"),
        rule("create get list watch", "persistentvolumeclaims"),
        EVENTS,
    ),
    "expand-controller": (
        rule("get list patch update watch", "persistentvolumes"),
        rule("patch update", "persistentvolumeclaims/status"),
        rule(READ, "persistentvolumeclaims"),
        EVENTS,
    ),
    "generic-garbage-collector": (rule("delete get list patch update watch", "*", "*"), EVENTS),
    "horizontal-pod-autoscaler": (
        rule(READ, "horizontalpodautoscalers", "autoscaling"),
        rule("update", "horizontalpodautoscalers/status", "autoscaling"),
        rule("get update", "*/scale", "*"),
        rule("list watch", "pods"),
        rule("list watch", "pods", "metrics.k8s.io"),
        rule(READ, "*", "custom.metrics.k8s.io"),
        rule(READ, "*", "external.metrics.k8s.io"),
        EVENTS,
    ),
    "job-controller": (
        rule("get list patch update watch", "jobs", "batch"),
        rule("patch update", "jobs/status", "batch"),
        rule("update", "jobs/finalizers", "batch"),
        rule("create delete list patch watch", "pods"),
        EVENTS,
    ),
    "legacy-service-account-token-cleaner": (
        rule("get", "configmaps", names="kube-apiserver-legacy-service-account-token-tracking"),
        rule("delete patch", "secrets"),
    ),
    "namespace-controller": (
        rule("delete get list watch", "namespaces"),
        rule("update", "namespaces/finalize namespaces/status"),
        rule("delete deletecollection get list watch", "*", "*"),
    ),
    "node-controller": (
        rule("delete get list patch update watch", "nodes"),
        rule("patch update", "nodes/status"),
        rule("patch update", "pods/status"),
        rule("delete get list watch", "pods"),
        rule(READ, "leases", "coordination.k8s.io"),
        EVENTS,
    ),
    "persistent-volume-binder": (
        rule("create delete get list update watch", "persistentvolumes"),
        rule("update", "persistentvolumes/status"),
        rule("get list update watch", "persistentvolumeclaims"),
        rule("update", "persistentvolumeclaims/status"),
        rule("create delete get list watch", "pods"),
        rule(READ, "storageclasses", "storage.k8s.io"),
        rule("list watch", "nodes"),
        rule("watch", "events"),
        EVENTS,
    ),
    "pod-garbage-collector": (
        rule("delete list watch", "pods"),
        rule(READ, "nodes"),
        rule("patch", "pods/status"),
    ),
    "pv-protection-controller": (rule("get list update watch", "persistentvolumes"), EVENTS),
    "pvc-protection-controller": (
        rule("get list update watch", "persistentvolumeclaims"),
        rule(READ, "pods"),
        EVENTS,
    ),
    "replicaset-controller": (
        rule("get list update watch", "replicasets", _SCALES),
        rule("update", "replicasets/status", _SCALES),
        rule("update", "replicasets/finalizers", _SCALES),
        _PODS,
        EVENTS,
    ),
    "replication-controller": (
        rule("get list update watch", "replicationcontrollers"),
        rule("update", "replicationcontrollers/status"),
        rule("update", "replicationcontrollers/finalizers"),
        _PODS,
        EVENTS,
    ),
    "resourcequota-controller": (
        rule("list watch", "*", "*"),
        rule("update", "resourcequotas/status"),
        EVENTS,
    ),
    "root-ca-cert-publisher": (rule("create update", "configmaps"), EVENTS),
    "route-controller": (rule("list watch", "nodes"), rule("patch", "nodes/status"), EVENTS),
    "selinux-warning-controller": (
        EVENTS,
        rule(READ, "persistentvolumes persistentvolumeclaims pods"),
        rule(READ, "csidrivers", "storage.k8s.io"),
    ),
    "service-account-controller": (rule("create", "serviceaccounts"), EVENTS),
    "service-cidrs-controller": (
        rule("get list patch update watch", "servicecidrs", "networking.k8s.io"),
        rule("patch update", "servicecidrs/finalizers servicecidrs/status", "networking.k8s.io"),
        rule(READ, "ipaddresses", "networking.k8s.io"),
        EVENTS,
    ),
    "service-controller": (
        rule(READ, "services"),
        rule("patch update", "services/status"),
        rule("list watch", "nodes"),
        EVENTS,
    ),
    "statefulset-controller": (
        rule("list watch", "pods"),
        rule("get list watch", "statefulsets", "apps"),
        rule("update", "statefulsets/status", "apps"),
        rule("update", "statefulsets/finalizers", "apps"),
        rule("create delete get patch update", "pods"),
        rule("create delete get list patch update watch", "controllerrevisions", "apps"),
        rule("create get list watch", "persistentvolumeclaims"),
        rule("delete update", "persistentvolumeclaims"),
        rule("update", "pods/finalizers"),
        EVENTS,
    ),
    "storage-version-migrator-controller": (
        rule("list patch", "*", "*"),
        rule("update", "storageversionmigrations/status", "storagemigration.k8s.io"),
        rule("get list watch", "customresourcedefinitions", "apiextensions.k8s.io"),
        rule("patch update", "customresourcedefinitions/status", "apiextensions.k8s.io"),
    ),
    "ttl-after-finished-controller": (rule("delete get list watch", "jobs", "batch"), EVENTS),
    "ttl-controller": (rule("list patch update watch", "nodes"), EVENTS),
    "validatingadmissionpolicy-status-controller": (
        rule(READ, "validatingadmissionpolicies", "admissionregistration.k8s.io"),
        rule("get patch update", "validatingadmissionpolicies/status", "admissionregistration.k8s.io"),
        EVENTS,
    ),
    "certificate-controller": (
        rule("delete get list watch", "certificatesigningrequests", "certificates.k8s.io"),
        rule(
            "update",
            "certificatesigningrequests/approval certificatesigningrequests/status",
            "certificates.k8s.io",
        ),
        rule(
            "approve sign",
            "signers",
            "certificates.k8s.io",
            "kubernetes.io/kube-apiserver-client-kubelet",
        ),
        rule(
            "sign",
            "signers",
            "certificates.k8s.io",
            "kubernetes.io/kube-apiserver-client kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown",
        ),
        rule("create", "subjectaccessreviews", "authorization.k8s.io"),
        EVENTS,
    ),
    "podcertificaterequestcleaner": (rule("delete get list watch", "podcertificaterequests", "certificates.k8s.io"),),
    "kube-apiserver-serving-clustertrustbundle-publisher": (
        rule("attest", "signers", "certificates.k8s.io", "kubernetes.io/kube-apiserver-serving"),
        rule("create delete list update watch", "clustertrustbundles", "certificates.k8s.io"),
        EVENTS,
    ),
    "device-taint-eviction-controller": (
        rule("delete get list watch", "pods"),
        rule("patch update", "pods/status"),
        rule(READ, "deviceclasses devicetaintrules resourceclaims resourceslices", "resource.k8s.io"),
        rule("patch update", "devicetaintrules/status", "resource.k8s.io"),
        EVENTS,
    ),
    "resource-claim-controller": (
        rule(READ, "pods"),
        rule("patch update", "pods/status"),
        rule("update", "pods/finalizers"),
        rule("create delete get list patch update watch", "resourceclaims", "resource.k8s.io"),
        rule("patch update", "resourceclaims/binding resourceclaims/status", "resource.k8s.io"),
        rule(READ, "resourceclaimtemplates", "resource.k8s.io"),
        EVENTS,
    ),
    "taint-eviction-controller": (
        rule(READ, "nodes"),
        rule("delete get list watch", "pods"),
        rule("patch update", "pods/status"),
        EVENTS,
    ),
    "volumeattributesclass-protection-controller": (
        rule(READ, "persistentvolumeclaims persistentvolumes"),
        rule("get list update watch", "volumeattributesclasses", "storage.k8s.io"),
        EVENTS,
    ),
}


def controller_policy() -> list[Obj]:
    found: list[Obj] = []
    for name, rules in _CONTROLLERS.items():
        role = f"system:controller:{name}"
        found.append(cluster_role(role, *rules))
        found.append(cluster_binding(role, account(name)))
    return found
