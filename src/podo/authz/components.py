"""Authorization until RBAC is there: administrators, the cluster's own components by a table, and public paths."""

from __future__ import annotations

from dataclasses import dataclass

from podo.authz.attributes import Attributes

MASTERS = "system:masters"
READ = frozenset({"get", "list", "watch"})
WRITE = frozenset({"create", "update", "patch", "delete", "deletecollection"})
ALL = READ | WRITE
#: Served to anyone, as upstream's ClusterRole system:public-info-viewer.
PUBLIC_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/version", "/version/"})
#: Served to any authenticated user, as upstream's ClusterRole system:discovery.
DISCOVERY_PREFIXES = ("/api", "/apis", "/openapi", "/healthz", "/livez", "/readyz", "/version")


@dataclass(frozen=True, slots=True)
class Rule:
    """Verbs on resources (``plural`` or ``plural/subresource``, "*" for all), in whatever group and namespace."""

    verbs: frozenset[str]
    resources: frozenset[str]

    def allows(self, verb: str, resource: str) -> bool:
        return verb in self.verbs and (resource in self.resources or "*" in self.resources)


def _rule(verbs: frozenset[str], *resources: str) -> Rule:
    return Rule(verbs, frozenset(resources))


_EVENTS = _rule(WRITE | frozenset({"get"}), "events")
_LEASES = _rule(ALL, "leases")

_SCHEDULER_READS = (
    *("pods", "nodes", "namespaces", "services", "replicationcontrollers", "replicasets", "statefulsets"),
    *("poddisruptionbudgets", "priorityclasses", "persistentvolumes", "persistentvolumeclaims", "storageclasses"),
    *("csinodes", "csidrivers", "csistoragecapacities", "volumeattachments", "resourceclaims", "resourceslices"),
)
#: User or group -> what it may do.
RULES: dict[str, tuple[Rule, ...]] = {
    "system:authenticated": (
        _rule(frozenset({"create"}), "selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    ),
    "system:nodes": (
        _rule(READ, "pods", "services", "endpoints", "endpointslices", "nodes", "configmaps", "secrets", "namespaces"),
        _rule(frozenset({"create", "update", "patch", "delete"}), "nodes", "nodes/status"),
        _rule(frozenset({"create", "delete", "update", "patch"}), "pods", "pods/status"),
        _rule(READ, "serviceaccounts", "persistentvolumes", "persistentvolumeclaims", "runtimeclasses"),
        _rule(frozenset({"create"}), "serviceaccounts/token", "pods/eviction"),
        _LEASES,
        _EVENTS,
    ),
    "system:kube-controller-manager": (_rule(ALL, "*"),),
    "system:kube-scheduler": (
        _rule(READ, *_SCHEDULER_READS),
        _rule(frozenset({"create"}), "pods/binding", "bindings"),
        _rule(frozenset({"update", "patch"}), "pods/status"),
        _rule(frozenset({"delete"}), "pods"),
        _LEASES,
        _EVENTS,
    ),
    "system:kube-proxy": (
        _rule(READ, "nodes", "services", "endpoints", "endpointslices", "namespaces"),
        _EVENTS,
    ),
    "system:kube-dns": (_rule(READ, "services", "endpointslices", "namespaces", "nodes", "pods"),),
}


class ComponentAuthorizer:
    """Answers yes or no for each question. Answers are kept, since a rule never changes."""

    #: Kept answers; dropped together when there are this many.
    KEPT = 10_000

    def __init__(self) -> None:
        self._answers: dict[tuple[str, tuple[str, ...], str, str], bool] = {}

    def allowed(self, asked: Attributes) -> bool:
        if MASTERS in asked.groups:
            return True
        if asked.path:
            return self._path_allowed(asked)
        resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
        question = (asked.user, asked.groups, asked.verb, resource)
        answer = self._answers.get(question)
        if answer is None:
            if len(self._answers) >= self.KEPT:
                self._answers.clear()
            answer = self._answers[question] = _by_rules(asked, resource)
        return answer

    @staticmethod
    def _path_allowed(asked: Attributes) -> bool:
        if asked.verb != "get":
            return False
        if asked.path in PUBLIC_PATHS:
            return True
        if "system:authenticated" not in asked.groups:
            return False
        return any(asked.path == prefix or asked.path.startswith(prefix + "/") for prefix in DISCOVERY_PREFIXES)


def _by_rules(asked: Attributes, resource: str) -> bool:
    for subject in (asked.user, *asked.groups):
        if any(rule.allows(asked.verb, resource) for rule in RULES.get(subject, ())):
            return True
    return False
