"""How the policy that a cluster is born with is written: rules as short texts, and the objects they become."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj

GROUP = "rbac.authorization.k8s.io"
API_VERSION = f"{GROUP}/v1"
AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
READ = "get list watch"
WRITE = "create delete deletecollection patch update"


def rule(verbs: str, resources: str, groups: str = "", names: str = "") -> Obj:
    """Verbs and resources separated by spaces; ``groups`` by commas, the core group being ""."""
    found: Obj = {"apiGroups": groups.split(","), "resources": sorted(resources.split()), "verbs": verbs.split()}
    if names:
        found["resourceNames"] = names.split()
    return found


def urls(verbs: str, paths: str) -> Obj:
    return {"nonResourceURLs": paths.split(), "verbs": verbs.split()}


#: Everyone who works on objects also tells events about them.
EVENTS = rule("create patch update", "events", ",events.k8s.io")


def metadata(name: str, namespace: str = "", labels: dict[str, str] | None = None) -> Obj:
    found: Obj = {"name": name, "labels": {**LABELS, **(labels or {})}, "annotations": {AUTOUPDATE: "true"}}
    return found | {"namespace": namespace} if namespace else found


def cluster_role(name: str, *rules: Obj, **labels: str) -> Obj:
    return {
        "apiVersion": API_VERSION,
        "kind": "ClusterRole",
        "metadata": metadata(name, labels=labels),
        "rules": list(rules),
    }


def aggregated(name: str, selector: str, **labels: str) -> Obj:
    """A role made of all roles with the label ``selector``."""
    selectors = [{"matchLabels": {f"{GROUP}/{selector}": "true"}}]
    found: Obj = {"apiVersion": API_VERSION, "kind": "ClusterRole", "metadata": metadata(name, labels=labels)}
    return {**found, "aggregationRule": {"clusterRoleSelectors": selectors}, "rules": None}


def role(namespace: str, name: str, *rules: Obj) -> Obj:
    found = metadata(name, namespace)
    return {"apiVersion": API_VERSION, "kind": "Role", "metadata": found, "rules": list(rules)}


def user(name: str) -> Obj:
    return {"apiGroup": GROUP, "kind": "User", "name": name}


def group(name: str) -> Obj:
    return {"apiGroup": GROUP, "kind": "Group", "name": name}


def account(name: str, namespace: str = "kube-system") -> Obj:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def cluster_binding(name: str, *subjects: Obj, of: str = "") -> Obj:
    found: dict[str, Any] = {"apiVersion": API_VERSION, "kind": "ClusterRoleBinding", "metadata": metadata(name)}
    found["roleRef"] = {"apiGroup": GROUP, "kind": "ClusterRole", "name": of or name}
    return found | {"subjects": list(subjects)} if subjects else found


def binding(namespace: str, name: str, *subjects: Obj, of: str = "") -> Obj:
    found = {"apiVersion": API_VERSION, "kind": "RoleBinding", "metadata": metadata(name, namespace)}
    reference = {"apiGroup": GROUP, "kind": "Role", "name": of or name}
    return {**found, "roleRef": reference, "subjects": list(subjects)}
