"""The controllers, a file each: pure decisions over a view of the cluster. ``ALL`` is what a cluster runs."""

from __future__ import annotations

from podo.controllers import (
    cronjob,
    endpoints,
    endpointslice,
    eventttl,
    garbagecollector,
    namespace,
    nodelifecycle,
    podgc,
    replicaset,
    serviceaccount,
    tainteviction,
    ttlafterfinished,
)
from podo.controllers.clusterdns import reconcile as clusterdns
from podo.controllers.daemonset import sync as daemonset
from podo.controllers.deployment import sync as deployment
from podo.controllers.job import sync as job
from podo.controllers.nodeipam import nodeipam
from podo.reconcile.declare import Declaration


def declarations(cluster_cidr: str = "10.244.0.0/16") -> tuple[Declaration, ...]:
    """All controllers, for a cluster with this network of pods. ValueError for a bad network."""
    return (
        deployment.reconcile,
        replicaset.reconcile,
        replicaset.replicationcontroller,
        daemonset.reconcile,
        job.reconcile,
        ttlafterfinished.reconcile,
        cronjob.reconcile,
        endpointslice.reconcile,
        endpoints.reconcile,
        namespace.reconcile,
        serviceaccount.reconcile,
        nodelifecycle.reconcile,
        tainteviction.reconcile,
        nodeipam(cluster_cidr),
        podgc.reconcile,
        podgc.FINISHED,
        eventttl.reconcile,
        clusterdns,
        garbagecollector.reconcile,
    )


ALL: tuple[Declaration, ...] = declarations()
