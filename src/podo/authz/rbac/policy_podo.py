"""What podo's own parts may do beyond the roles that upstream ships: controllers that upstream has inside its API
server or does not have, and controllers that patch where upstream's replace the whole object.
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.authz.rbac.written import (
    EVENTS,
    account,
    binding,
    cluster_binding,
    cluster_role,
    role,
    rule,
    user,
)

_CLAIMS, _VOLUMES = "persistentvolumeclaims", "persistentvolumes"
_DEFINITIONS, _FLOWCONTROL = "customresourcedefinitions", "flowcontrol.apiserver.k8s.io"

#: Accounts that upstream does not know.
_OWN: dict[str, tuple[Obj, ...]] = {
    "customresourcedefinition-controller": (
        rule("get list patch update watch", _DEFINITIONS, "apiextensions.k8s.io"),
        rule("update", f"{_DEFINITIONS}/status", "apiextensions.k8s.io"),
        rule("delete list", "*", "*"),  # the objects of a definition that goes
    ),
    "event-ttl-controller": (rule("delete", "events"),),
    "flowcontrol-controller": (
        rule("create get list watch", "flowschemas prioritylevelconfigurations", _FLOWCONTROL),
        rule("patch update", "flowschemas/status prioritylevelconfigurations/status", _FLOWCONTROL),
    ),
    "ipallocator-repair-controller": (
        rule("create delete get", "ipaddresses", "networking.k8s.io"),
        rule("get", "services"),
        EVENTS,
    ),
    "local-volume-provisioner": (
        rule("get patch update", _CLAIMS),
        rule("create delete get", _VOLUMES),
        rule("get list", "nodes"),
        EVENTS,
    ),
}

#: Accounts whose controllers patch what upstream's update.
_PATCHES: dict[str, tuple[Obj, ...]] = {
    "deployment-controller": (rule("patch", "deployments", "apps"),),
    "horizontal-pod-autoscaler": (rule("patch", "*/scale", "*"),),
    "persistent-volume-binder": (
        rule("patch", f"{_CLAIMS} {_CLAIMS}/status {_VOLUMES} {_VOLUMES}/status"),
        rule("get", "nodes"),
    ),
    "statefulset-controller": (rule("patch", _CLAIMS),),
}

#: Accounts that may do this in kube-system only.
_IN_KUBE_SYSTEM: dict[str, tuple[Obj, ...]] = {
    "cluster-dns-controller": (rule("create delete get update", "endpointslices", "discovery.k8s.io"),),
    "legacy-token-tracking-controller": (
        rule("create", "configmaps"),
        rule("update", "configmaps", names="kube-apiserver-legacy-service-account-token-tracking"),
    ),
}


def podo_policy() -> list[Obj]:
    found = [
        cluster_role(  # podo's proxy looks at its node's pods, and at all of them where there are network policies
            "podo:node-network",
            rule("list watch", "pods namespaces"),
            rule("list watch", "networkpolicies", "networking.k8s.io"),
        ),
        cluster_binding("podo:node-network", user("system:kube-proxy")),
    ]
    for name, rules in (*_OWN.items(), *_PATCHES.items()):
        granted = f"podo:controller:{name}"
        found.append(cluster_role(granted, *rules))
        found.append(cluster_binding(granted, account(name)))
    for name, granted_rules in _IN_KUBE_SYSTEM.items():
        granted = f"podo:controller:{name}"
        found += [role("kube-system", granted, *granted_rules), binding("kube-system", granted, account(name))]
    return found
