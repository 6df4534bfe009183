"""Controls of what people have set up in the cluster: section 5 (RBAC, Pod Security, network policies, Secrets)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.cluster import podsecurity
from podo.cluster.benchmark.control import Control, Finding, judged, passed, skipped
from podo.cluster.benchmark.ground import Ground

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ENFORCE = "pod-security.kubernetes.io/enforce"
BOOTSTRAPPED = "kubernetes.io/bootstrapping"
#: Subjects that stand for more people or programs than one can know.
BROAD = ("system:authenticated", "system:unauthenticated", "system:anonymous", "system:serviceaccounts")
_SYSTEM = ("kube-system", "kube-public", "kube-node-lease")


def _broad(subject: Obj) -> str:
    """The subject's name where it is everybody, or an account that pods have without asking."""
    name = subject.get("name") or ""
    if subject.get("kind") == "ServiceAccount":
        return f"{subject.get('namespace')}/default" if name == "default" else ""
    return name if name in BROAD or name.startswith("system:serviceaccounts:") else ""


async def _given(ground: Ground) -> Iterator[tuple[str, str, Obj]]:
    """Binding, broad subject and role of each binding to a broad subject."""
    roles = {("", role["metadata"]["name"]): role for role in await ground.items(f"{RBAC}/clusterroles")}
    for role in await ground.items(f"{RBAC}/roles"):
        roles[role["metadata"]["namespace"], role["metadata"]["name"]] = role
    bindings = [*await ground.items(f"{RBAC}/clusterrolebindings"), *await ground.items(f"{RBAC}/rolebindings")]
    return _with_roles(bindings, roles)


def _with_roles(bindings: list[Obj], roles: dict[tuple[str, str], Obj]) -> Iterator[tuple[str, str, Obj]]:
    for binding in bindings:
        reference = binding["roleRef"]
        namespace = "" if reference["kind"] == "ClusterRole" else binding["metadata"]["namespace"]
        role = roles.get((namespace, reference["name"]))
        for subject in binding.get("subjects") or ():
            if role is not None and (who := _broad(subject)):
                yield binding["metadata"]["name"], who, role


def _gives(role: Obj, verb: str, group: str, resource: str) -> bool:
    return any(
        _has(rule.get("verbs"), verb) and _has(rule.get("apiGroups"), group) and _has(rule.get("resources"), resource)
        for rule in role.get("rules") or ()
    )


def _has(named: list[str] | None, wanted: str) -> bool:
    return wanted in (named or ()) or "*" in (named or ())


def _nobody_broad(section: str, title: str, *rights: tuple[str, str, str]) -> Control:
    """Neither everybody nor a default account has one of the rights (verb, group, resource)."""

    async def check(ground: Ground) -> Finding:
        wrong = [
            f"{binding} gives {who} {verb} on {resource}"
            for binding, who, role in await _given(ground)
            for verb, group, resource in rights
            if _gives(role, verb, group, resource)
        ]
        return judged("; ".join(wrong[:5]), "no one has it without being named", "kubectl delete the binding")

    return Control(section, title, check)


async def _administrators(ground: Ground) -> Finding:
    named = []
    for binding in await ground.items(f"{RBAC}/clusterrolebindings"):
        if binding["roleRef"]["name"] == "cluster-admin" and BOOTSTRAPPED not in (
            binding["metadata"].get("labels") or {}
        ):
            named += [f"{one['kind']} {one['name']}" for one in binding.get("subjects") or ()]
    wrong = f"cluster-admin are also {', '.join(named)}" if named else ""
    return judged(wrong, "cluster-admin is given to system:masters only", "give roles with the rights that are needed")


async def _wildcards(ground: Ground) -> Finding:
    wrong = [
        role["metadata"]["name"]
        for path in ("clusterroles", "roles")
        for role in await ground.items(f"{RBAC}/{path}")
        if BOOTSTRAPPED not in (role["metadata"].get("labels") or {})
        and any("*" in (rule.get(field) or ()) for rule in role.get("rules") or () for field in ("verbs", "resources"))
    ]
    return judged(", ".join(wrong[:10]), "no role of yours has a wildcard", "name verbs and resources")


async def _default_accounts(ground: Ground) -> Finding:
    wrong = [f"{binding} to {who}" for binding, who, _ in await _given(ground) if who.endswith("/default")]
    return judged(", ".join(wrong), "accounts named default have no roles", "make an account for the program")


async def _own_pods(ground: Ground) -> list[Obj]:
    return [pod for pod in await ground.items("/api/v1/pods") if pod["metadata"]["namespace"] not in _SYSTEM]


async def _levels(ground: Ground) -> Finding:
    if podsecurity.path(ground.config).exists():
        return passed(f"{podsecurity.path(ground.config)} has the level of namespaces without labels")
    used = {pod["metadata"]["namespace"] for pod in await _own_pods(ground)}
    labels = {
        n["metadata"]["name"]: n["metadata"].get("labels") or {} for n in await ground.items("/api/v1/namespaces")
    }
    wrong = sorted(name for name in used if ENFORCE not in labels.get(name, {}))
    remedy = f"kubectl label namespace NAME {ENFORCE}=baseline, or pod-security.yaml in the data directory"
    return judged(f"no level in {', '.join(wrong)}" if wrong else "", "each namespace with pods has a level", remedy)


def _no_pod(section: str, title: str, is_wrong: Any) -> Control:
    async def check(ground: Ground) -> Finding:
        pods = await _own_pods(ground)
        wrong = [f"{p['metadata']['namespace']}/{p['metadata']['name']}" for p in pods if is_wrong(p["spec"])]
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        return judged(", ".join(wrong[:5]) + more, f"none of {len(pods)} pods", "change the workload, or its namespace")

    return Control(section, title, check)


def _containers(spec: Obj) -> Iterator[Obj]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _any_context(spec: Obj, test: Any) -> bool:
    return any(test(container.get("securityContext") or {}) for container in _containers(spec))


def _adds(context: Obj) -> bool:
    return bool((context.get("capabilities") or {}).get("add"))


def _without_seccomp(spec: Obj) -> bool:
    if (spec.get("securityContext") or {}).get("seccompProfile"):
        return False
    return _any_context(spec, lambda context: not context.get("seccompProfile"))


def _mounts_host(spec: Obj) -> bool:
    return any("hostPath" in volume for volume in spec.get("volumes") or ())


def _has_host_port(spec: Obj) -> bool:
    return any(port.get("hostPort") for container in _containers(spec) for port in container.get("ports") or ())


async def _network_policies(ground: Ground) -> Finding:
    if ground.config.runtime != "containerd":
        return skipped("simulated nodes have no packets")
    policies = await ground.items("/apis/networking.k8s.io/v1/networkpolicies")
    covered = {policy["metadata"]["namespace"] for policy in policies}
    wrong = sorted({pod["metadata"]["namespace"] for pod in await _own_pods(ground)} - covered)
    text = f"no policy in {', '.join(wrong)}" if wrong else ""
    return judged(text, "each namespace with pods has a NetworkPolicy", "begin with one that denies all")


CONTROLS = (
    Control("5.1.1", "cluster-admin is given to few", _administrators),
    _nobody_broad("5.1.2", "Secrets are not for everybody", *((v, "", "secrets") for v in ("get", "list", "watch"))),
    Control("5.1.3", "roles have no wildcards", _wildcards),
    _nobody_broad("5.1.4", "making pods is not for everybody", ("create", "", "pods"), ("create", "", "pods/exec")),
    Control("5.1.5", "default accounts have no roles", _default_accounts),
    _nobody_broad(
        "5.1.8",
        "bind, escalate and impersonate are not for everybody",
        ("bind", "rbac.authorization.k8s.io", "clusterroles"),
        ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
        ("impersonate", "", "users"),
        ("impersonate", "", "groups"),
    ),
    _nobody_broad("5.1.9", "making volumes is not for everybody", ("create", "", "persistentvolumes")),
    _nobody_broad(
        "5.1.10", "nodes/proxy is not for everybody", ("get", "", "nodes/proxy"), ("create", "", "nodes/proxy")
    ),
    _nobody_broad(
        "5.1.11",
        "approving certificates is not for everybody",
        ("update", "certificates.k8s.io", "certificatesigningrequests/approval"),
    ),
    _nobody_broad(
        "5.1.12",
        "webhooks are not for everybody",
        ("create", "admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("create", "admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ),
    _nobody_broad("5.1.13", "tokens of others are not for everybody", ("create", "", "serviceaccounts/token")),
    Control("5.2.1", "namespaces with pods have a level of Pod Security", _levels),
    _no_pod("5.2.2", "no pod is privileged", lambda spec: _any_context(spec, lambda one: one.get("privileged"))),
    _no_pod("5.2.3", "no pod is in the host's process namespace", lambda spec: spec.get("hostPID")),
    _no_pod("5.2.4", "no pod is in the host's IPC namespace", lambda spec: spec.get("hostIPC")),
    _no_pod("5.2.5", "no pod is in the host's network", lambda spec: spec.get("hostNetwork")),
    _no_pod("5.2.9", "no container adds capabilities", lambda spec: _any_context(spec, _adds)),
    _no_pod("5.2.12", "no pod mounts paths of the host", _mounts_host),
    _no_pod("5.2.13", "no pod takes ports of the host", _has_host_port),
    Control("5.3.2", "namespaces with pods have network policies", _network_policies),
    _no_pod("5.7.2", "each pod has a seccomp profile", _without_seccomp),
)
