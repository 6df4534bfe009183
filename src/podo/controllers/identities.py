"""As whom each controller acts: its service account in kube-system, whose role says what it may do, and the name under
which it tells Events. Both are upstream's (kube-controller-manager with --use-service-account-credentials).

A controller without a row acts as kube-controller-manager itself, which may read everything and write next to nothing.
Controllers that upstream does not have, or has inside its API server, have accounts and roles of podo's own.
"""

from __future__ import annotations

from dataclasses import replace

from podo.reconcile.declare import Declaration

_BUNDLES = "kube-apiserver-serving-clustertrustbundle-publisher"
#: Controller -> its service account, and the component of its Events where that is not ``<controller>-controller``.
_KNOWN: dict[str, tuple[str, str]] = {
    "rootcapublisher": ("root-ca-cert-publisher", ""),
    "certificatesigning": ("certificate-controller", ""),
    "certificatecleaner": ("certificate-controller", ""),
    "csrapproving": ("certificate-controller", ""),
    "legacytokencleaner": ("legacy-service-account-token-cleaner", ""),
    "tokencleaner": ("token-cleaner", ""),
    "bootstrapsigner": ("bootstrap-signer", ""),
    "clusterroleaggregation": ("clusterrole-aggregation-controller", ""),
    "deployment": ("deployment-controller", ""),
    "replicaset": ("replicaset-controller", ""),
    "replicationcontroller": ("replication-controller", "replication-controller"),
    "daemonset": ("daemon-set-controller", ""),
    "statefulset": ("statefulset-controller", ""),
    "job": ("job-controller", ""),
    "ttlafterfinished": ("ttl-after-finished-controller", "ttl-after-finished-controller"),
    "cronjob": ("cronjob-controller", ""),
    "horizontalpodautoscaler": ("horizontal-pod-autoscaler", "horizontal-pod-autoscaler"),
    "endpointslice": ("endpointslice-controller", "endpoint-slice-controller"),
    "endpointslicemirroring": ("endpointslicemirroring-controller", "endpoint-slice-mirroring-controller"),
    "endpoints": ("endpoint-controller", "endpoint-controller"),
    "namespace": ("namespace-controller", ""),
    "servicecidr": ("service-cidrs-controller", "service-cidr-controller"),
    "clusteriprepair": ("ipallocator-repair-controller", "ipallocator-repair-controller"),
    "ipaddressrepair": ("ipallocator-repair-controller", "ipallocator-repair-controller"),
    "serviceaccount": ("service-account-controller", ""),
    "pvcprotection": ("pvc-protection-controller", ""),
    "pvprotection": ("pv-protection-controller", ""),
    "persistentvolumeclaim": ("persistent-volume-binder", "persistentvolume-controller"),
    "persistentvolume": ("persistent-volume-binder", "persistentvolume-controller"),
    "volumeexpand": ("expand-controller", "volume_expand"),
    "ephemeralvolume": ("ephemeral-volume-controller", "ephemeral_volume"),
    "nodelifecycle": ("node-controller", "node-controller"),
    "tainteviction": ("taint-eviction-controller", "taint-eviction-controller"),
    "nodeipam": ("node-controller", "cidrAllocator"),
    "ttl": ("ttl-controller", ""),
    "disruption": ("disruption-controller", "controllermanager"),
    "staledisruption": ("disruption-controller", "controllermanager"),
    "podgc": ("pod-garbage-collector", ""),
    "podgc-orphaned": ("pod-garbage-collector", ""),
    "podgc-finished": ("pod-garbage-collector", ""),
    "resourceclaim": ("resource-claim-controller", "resource_claim"),
    "podcertificaterequestcleaner": ("podcertificaterequestcleaner", ""),
    _BUNDLES: (_BUNDLES, ""),
    "resourceclaimtemplate": ("resource-claim-controller", "resource_claim"),
    "devicetainteviction": ("device-taint-eviction-controller", "device-taint-eviction"),
    "devicetaintrulestatus": ("device-taint-eviction-controller", "device-taint-eviction"),
    "storageversionmigration": ("storage-version-migrator-controller", ""),
    "validatingadmissionpolicystatus": ("validatingadmissionpolicy-status-controller", ""),
    "garbagecollector": ("generic-garbage-collector", "garbage-collector-controller"),
    # podo's own
    "localprovisioner": ("local-volume-provisioner", ""),
    "customresourcedefinition": ("customresourcedefinition-controller", ""),
    "eventttl": ("event-ttl-controller", ""),
    "flowschema": ("flowcontrol-controller", ""),
    "prioritylevelconfiguration": ("flowcontrol-controller", ""),
    "legacytokentracking": ("legacy-token-tracking-controller", ""),
    "clusterdns": ("cluster-dns-controller", ""),
}


def identified(declaration: Declaration) -> Declaration:
    """``declaration`` with the account that it acts as, and its name in Events."""
    account, component = _KNOWN.get(declaration.name, ("", ""))
    return replace(declaration, account=account, component=component or f"{declaration.name}-controller")
