"""The roles and bindings that every cluster has, as upstream ships them ("Default roles and role bindings" of the
Kubernetes documentation): administrators, discovery, the three user-facing roles, nodes, components.
"""

from __future__ import annotations

from functools import cache

from podo.api.kind import Obj
from podo.authz.rbac.aggregation import with_rules
from podo.authz.rbac.policy_controllers import controller_policy
from podo.authz.rbac.policy_podo import podo_policy
from podo.authz.rbac.policy_users import user_roles
from podo.authz.rbac.written import (
    EVENTS,
    READ,
    account,
    binding,
    cluster_binding,
    cluster_role,
    group,
    role,
    rule,
    urls,
    user,
)

CERTIFICATES = "certificates.k8s.io"
_DISCOVERY = "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/"
_SELF_REVIEWS = "selfsubjectaccessreviews selfsubjectrulesreviews"


@cache
def policy() -> tuple[Obj, ...]:
    """All objects; not to be changed. Aggregating roles have the rules that the controller would give them."""
    written = (*_general(), *user_roles(), *_nodes(), *_components(), *_signers(), *_bindings())
    return tuple(with_rules((*written, *controller_policy(), *podo_policy())))


def _general() -> list[Obj]:
    return [
        cluster_role("cluster-admin", rule("*", "*", "*"), urls("*", "*")),
        cluster_role("system:discovery", urls("get", _DISCOVERY)),
        cluster_role(
            "system:monitoring",
            urls("get", "/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*"),
        ),
        cluster_role(
            "system:basic-user",
            rule("create", _SELF_REVIEWS, "authorization.k8s.io"),
            rule("create", "selfsubjectreviews", "authentication.k8s.io"),
        ),
        cluster_role("system:public-info-viewer", urls("get", "/healthz /livez /readyz /version /version/")),
        cluster_role(
            "system:service-account-issuer-discovery",
            urls(
                "get",
                "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/",
            ),
        ),
        cluster_role(
            "system:auth-delegator",
            rule("create", "tokenreviews", "authentication.k8s.io"),
            rule("create", "subjectaccessreviews", "authorization.k8s.io"),
        ),
        cluster_role("system:cluster-trust-bundle-discovery", rule(READ, "clustertrustbundles", CERTIFICATES)),
        cluster_role("system:kube-aggregator", rule(READ, "services endpoints")),
        cluster_role(
            "system:heapster",
            rule(READ, "events pods nodes namespaces"),
            rule(READ, "deployments", "extensions"),
        ),
    ]


def node_rules() -> list[Obj]:
    """What every kubelet may do; which objects of these exactly, the Node authorizer and NodeRestriction say."""
    return [
        rule("create", "tokenreviews", "authentication.k8s.io"),
        rule("create", "localsubjectaccessreviews subjectaccessreviews", "authorization.k8s.io"),
        rule(READ, "services"),
        rule("create get list watch", "nodes"),
        rule("patch update", "nodes/status"),
        rule("patch update", "nodes"),
        rule("create patch update", "events"),
        rule(READ, "pods"),
        rule("create delete", "pods"),
        rule("patch update", "pods/status"),
        rule("create", "pods/eviction"),
        rule("get list watch", "configmaps secrets"),
        rule("get", "persistentvolumeclaims persistentvolumes"),
        rule("get", "endpoints"),
        rule("create get list watch", "certificatesigningrequests", CERTIFICATES),
        rule("create delete get patch update", "leases", "coordination.k8s.io"),
        rule("get", "volumeattachments", "storage.k8s.io"),
        rule("create", "serviceaccounts/token"),
        rule("get patch update", "persistentvolumeclaims/status"),
        rule(READ, "csidrivers", "storage.k8s.io"),
        rule("create delete get patch update", "csinodes", "storage.k8s.io"),
        rule(READ, "runtimeclasses", "node.k8s.io"),
        rule("get", "resourceclaims", "resource.k8s.io"),
        rule("deletecollection", "resourceslices", "resource.k8s.io"),
        rule(READ, "clustertrustbundles", CERTIFICATES),
        rule("get", "serviceaccounts"),
        rule("create get list watch", "podcertificaterequests", CERTIFICATES),
    ]


def _nodes() -> list[Obj]:
    requests = "certificatesigningrequests"
    return [
        cluster_role("system:node", *node_rules()),
        cluster_role("system:node-problem-detector", rule("get", "nodes"), rule("patch", "nodes/status"), EVENTS),
        cluster_role(
            "system:kubelet-api-admin",
            rule(READ, "nodes"),
            rule("proxy", "nodes"),
            rule(
                "*",
                "nodes/checkpoint nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/spec"
                " nodes/stats",
            ),
        ),
        cluster_role("system:node-bootstrapper", rule("create get list watch", requests, CERTIFICATES)),
        cluster_role(
            "system:node-proxier",
            rule("list watch", "endpoints services"),
            rule(READ, "nodes"),
            EVENTS,
            rule("list watch", "endpointslices", "discovery.k8s.io"),
            rule("list watch", "servicecidrs", "networking.k8s.io"),
        ),
        cluster_role(
            f"system:{CERTIFICATES}:{requests}:nodeclient", rule("create", f"{requests}/nodeclient", CERTIFICATES)
        ),
        cluster_role(
            f"system:{CERTIFICATES}:{requests}:selfnodeclient",
            rule("create", f"{requests}/selfnodeclient", CERTIFICATES),
        ),
    ]


def _components() -> list[Obj]:
    leases, locks = "leases", "kube-controller-manager"
    return [
        cluster_role(
            "system:kube-controller-manager",
            EVENTS,
            rule("create", leases, "coordination.k8s.io"),
            rule("get update", leases, "coordination.k8s.io", locks),
            rule("create", "secrets serviceaccounts"),
            rule("delete", "secrets"),
            rule("get", "configmaps namespaces secrets serviceaccounts"),
            rule("update", "secrets serviceaccounts"),
            rule("create", "tokenreviews", "authentication.k8s.io"),
            rule("create", "subjectaccessreviews", "authorization.k8s.io"),
            rule("list watch", "*", "*"),
            rule("create", "serviceaccounts/token"),
        ),
        cluster_role("system:kube-dns", rule("list watch", "endpoints services")),
        cluster_role(
            "system:kube-scheduler",
            EVENTS,
            rule("create", leases, "coordination.k8s.io"),
            rule("get list update watch", leases, "coordination.k8s.io", "kube-scheduler"),
            rule(
                "create delete deletecollection get list patch update watch", "leasecandidates", "coordination.k8s.io"
            ),
            rule(READ, "nodes"),
            rule("delete get list watch", "pods"),
            rule("create", "bindings pods/binding"),
            rule("patch update", "pods/status"),
            rule(READ, "replicationcontrollers services"),
            rule(READ, "replicasets", "apps,extensions"),
            rule(READ, "statefulsets", "apps"),
            rule(READ, "poddisruptionbudgets", "policy"),
            rule(READ, "persistentvolumeclaims persistentvolumes"),
            rule(READ, "namespaces"),
            rule("create", "tokenreviews", "authentication.k8s.io"),
            rule("create", "subjectaccessreviews", "authorization.k8s.io"),
            rule(READ, "csinodes csidrivers csistoragecapacities volumeattachments storageclasses", "storage.k8s.io"),
            rule(READ, "priorityclasses", "scheduling.k8s.io"),
            rule(READ, "deviceclasses devicetaintrules resourceslices", "resource.k8s.io"),
            rule("create delete get list patch update watch", "resourceclaims", "resource.k8s.io"),
            rule("get list patch update watch", "resourceclaims/status", "resource.k8s.io"),
            rule("patch update", "resourceclaims/binding", "resource.k8s.io"),
            rule("get list patch update watch", "pods/finalizers"),
        ),
        cluster_role(
            "system:persistent-volume-provisioner",
            rule("create delete get list watch", "persistentvolumes"),
            rule("get list update watch", "persistentvolumeclaims"),
            rule(READ, "storageclasses", "storage.k8s.io"),
            rule("watch", "events"),
            EVENTS,
        ),
        cluster_role(
            "system:volume-scheduler",
            rule("get list patch update watch", "persistentvolumes"),
            rule(READ, "storageclasses", "storage.k8s.io"),
            rule("get list patch update watch", "persistentvolumeclaims"),
        ),
    ]


def _signers() -> list[Obj]:
    names = {
        "legacy-unknown-approver": "kubernetes.io/legacy-unknown",
        "kubelet-serving-approver": "kubernetes.io/kubelet-serving",
        "kube-apiserver-client-approver": "kubernetes.io/kube-apiserver-client",
        "kube-apiserver-client-kubelet-approver": "kubernetes.io/kube-apiserver-client-kubelet",
    }
    return [
        cluster_role(f"system:{CERTIFICATES}:{name}", rule("approve", "signers", CERTIFICATES, signer))
        for name, signer in names.items()
    ]


def _bindings() -> list[Obj]:
    everyone, nobody = group("system:authenticated"), group("system:unauthenticated")
    scheduler, manager = user("system:kube-scheduler"), user("system:kube-controller-manager")
    return [
        cluster_binding("cluster-admin", group("system:masters")),
        cluster_binding("system:monitoring", group("system:monitoring")),
        cluster_binding("system:discovery", everyone),
        cluster_binding("system:basic-user", everyone),
        cluster_binding("system:public-info-viewer", everyone, nobody),
        cluster_binding("system:node-proxier", user("system:kube-proxy")),
        cluster_binding("system:kube-controller-manager", manager),
        cluster_binding("system:kube-dns", account("kube-dns")),
        cluster_binding("system:kube-scheduler", scheduler),
        cluster_binding("system:volume-scheduler", scheduler),
        cluster_binding("system:node"),
        cluster_binding("system:service-account-issuer-discovery", group("system:serviceaccounts")),
        cluster_binding("system:cluster-trust-bundle-discovery", group("system:serviceaccounts")),
        *_kube_system(scheduler, manager),
    ]


def _kube_system(scheduler: Obj, manager: Obj) -> list[Obj]:
    """Roles in kube-system and kube-public, and who has them."""
    reader = "extension-apiserver-authentication-reader"
    found = [role("kube-system", reader, rule(READ, "configmaps", names="extension-apiserver-authentication"))]
    found.append(binding("kube-system", "system::" + reader, manager, scheduler, of=reader))
    for name, who in (("kube-controller-manager", manager), ("kube-scheduler", scheduler)):
        lock = f"system::leader-locking-{name}"
        leases = rule("get update", "configmaps", names=name)
        found.append(role("kube-system", lock, rule("watch", "configmaps"), leases))
        found.append(binding("kube-system", lock, who, account(name)))
    signer = "system:controller:bootstrap-signer"
    found.append(role("kube-system", signer, rule(READ, "secrets")))
    found.append(binding("kube-system", signer, account("bootstrap-signer")))
    found.append(
        role(
            "kube-public", signer, rule(READ, "configmaps"), rule("update", "configmaps", names="cluster-info"), EVENTS
        )
    )
    found.append(binding("kube-public", signer, account("bootstrap-signer")))
    cleaner = "system:controller:token-cleaner"
    found.append(role("kube-system", cleaner, rule("delete get list watch", "secrets"), EVENTS))
    found.append(binding("kube-system", cleaner, account("token-cleaner")))
    return found
