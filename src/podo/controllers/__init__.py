"""The controllers, a file each: pure decisions over a view of the cluster. ``ALL`` is what a cluster runs."""

from __future__ import annotations

from podo.controllers import (
    bootstraptokens,
    certificates,
    clusteriprepair,
    clusterroleaggregation,
    cronjob,
    csrapproving,
    customresourcedefinition,
    devicetainteviction,
    disruption,
    endpoints,
    endpointslice,
    endpointslicemirroring,
    eventttl,
    flowschema,
    garbagecollector,
    legacytokencleaner,
    namespace,
    podcertificates,
    podgc,
    replicaset,
    resourceclaim,
    serviceaccount,
    servicecidr,
    storageprotection,
    storageversionmigration,
    ttlafterfinished,
    validatingadmissionpolicystatus,
)
from podo.controllers.certificates import Sign
from podo.controllers.clusterdns import reconcile as clusterdns
from podo.controllers.daemonset.sync import daemonset
from podo.controllers.deployment import sync as deployment
from podo.controllers.horizontalpodautoscaler.adapters import AdapterValues, Answers, nobody
from podo.controllers.horizontalpodautoscaler.sync import autoscaler
from podo.controllers.identities import identified
from podo.controllers.job import sync as job
from podo.controllers.legacytokentracking import legacytokentracking
from podo.controllers.nodeipam import nodeipam
from podo.controllers.nodelifecycle import nodelifecycle
from podo.controllers.persistentvolume import claims as volumeclaims
from podo.controllers.persistentvolume import ephemeral, expansion, local, volumes
from podo.controllers.rootcapublisher import rootcapublisher
from podo.controllers.statefulset import sync as statefulset
from podo.controllers.tainteviction import tainteviction
from podo.controllers.tokensecrets import Issue, tokensecrets
from podo.controllers.ttl import ttl
from podo.reconcile.declare import Declaration


def declarations(
    cluster_cidr: str = "10.244.0.0/16",
    ca: str = "",
    sign: Sign | None = None,
    issue: Issue | None = None,
    adapters: Answers = nobody,
    finished_pods: int = podgc.THRESHOLD,
) -> tuple[Declaration, ...]:
    """All controllers, for a cluster with this network of pods. ValueError for a bad network.

    ``ca``: PEM of the CA that pods are told of; without one they are told of none. ``sign`` signs approved requests for
    certificates; without it nobody does. ``issue`` makes the tokens of token Secrets; without it there are none.
    ``adapters`` answer for metrics that are no pod's CPU or memory. ``finished_pods`` are kept, at most.
    """
    published = (rootcapublisher(ca), podcertificates.trustbundlepublisher(ca)) if ca else ()
    signing = (certificates.certificatesigning(sign),) if sign else ()
    issuing = (tokensecrets(issue, ca),) if issue else ()
    every = (
        *published,
        *signing,
        *issuing,
        certificates.CLEANER,
        csrapproving.reconcile,
        legacytokencleaner.reconcile,
        legacytokentracking(),
        podcertificates.CLEANER,
        bootstraptokens.CLEANER,
        bootstraptokens.SIGNER,
        clusterroleaggregation.reconcile,
        deployment.reconcile,
        replicaset.reconcile,
        replicaset.replicationcontroller,
        daemonset(),
        statefulset.reconcile,
        job.reconcile,
        ttlafterfinished.reconcile,
        cronjob.reconcile,
        autoscaler(AdapterValues(adapters)),
        endpointslice.reconcile,
        endpointslicemirroring.reconcile,
        endpoints.reconcile,
        namespace.reconcile,
        customresourcedefinition.reconcile,
        serviceaccount.reconcile,
        servicecidr.reconcile,
        clusteriprepair.services,
        clusteriprepair.addresses,
        storageprotection.pvc,
        storageprotection.pv,
        storageversionmigration.reconcile,
        volumeclaims.reconcile,
        volumes.reconcile,
        local.provisioner,
        expansion.expand,
        ephemeral.claims,
        nodelifecycle(),
        tainteviction(),
        devicetainteviction.reconcile,
        devicetainteviction.status,
        resourceclaim.of_pods,
        resourceclaim.reconcile,
        nodeipam(cluster_cidr),
        ttl(),
        disruption.reconcile,
        disruption.stale,
        podgc.reconcile,
        podgc.orphaned,
        podgc.finished_pods(finished_pods),
        eventttl.reconcile,
        flowschema.reconcile,
        flowschema.priority_levels,
        validatingadmissionpolicystatus.reconcile,
        clusterdns,
        garbagecollector.reconcile,
    )
    return tuple(map(identified, every))


ALL: tuple[Declaration, ...] = declarations()
