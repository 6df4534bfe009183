"""PodSecurity at every write: pods are refused by what their namespace enforces; pods and templates of pods are warned
about and noted in the audit log; a namespace's new level warns about the pods that are there.

A namespace without labels costs a look-up. Source: "Pod Security Admission" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson

from podo.admission.podsecurity.policy import PREFIX, Policy, Rule, policy_of
from podo.admission.podsecurity.standards import PRIVILEGED, violations
from podo.admission.request import AdmissionRequest, Plugin, is_core
from podo.api import registry
from podo.api.errors import forbidden, invalid
from podo.api.kind import Kind, Obj
from podo.api.kinds.core.namespace import NAMESPACE
from podo.api.rules import Found

#: Kind -> where the template of its pods is.
_TEMPLATES = {
    "podtemplates": ("template",),
    "replicationcontrollers": ("spec", "template"),
    "deployments.apps": ("spec", "template"),
    "replicasets.apps": ("spec", "template"),
    "statefulsets.apps": ("spec", "template"),
    "daemonsets.apps": ("spec", "template"),
    "jobs.batch": ("spec", "template"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template"),
}
#: Of the pods that are there, so many are looked at when a namespace's level changes.
MOST_PODS = 3000
_MARK = PREFIX.encode()
_NAMESPACES = NAMESPACE.prefix


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    if operation not in ("CREATE", "UPDATE"):
        return False
    if is_core(kind, "pods"):
        return subresource in ("", "ephemeralcontainers")
    return not subresource and (is_core(kind, "namespaces") or kind.resource in _TEMPLATES)


async def admit(request: AdmissionRequest) -> None:
    if is_core(request.kind, "namespaces"):
        await _namespace(request)
        return
    policy = await _policy(request)
    if policy.allows_everything:
        return
    if is_core(request.kind, "pods"):
        _pod(request, policy)
    else:
        _template(request, policy)


async def _policy(request: AdmissionRequest) -> Policy:
    defaults = request.pod_security.defaults
    record = await request.store.get(_NAMESPACES + request.namespace)
    if record is None or not _is_marked(record.value):
        return defaults
    return _read(record.value, defaults)


@lru_cache(1024)
def _is_marked(value: bytes) -> bool:
    """Every write of a pod asks it of a namespace, whose bytes change seldom."""
    return _MARK in value


@lru_cache(1024)
def _read(value: bytes, defaults: Policy) -> Policy:
    return policy_of(orjson.loads(value)["metadata"].get("labels") or {}, defaults, [])


def _exempt(request: AdmissionRequest, spec: dict[str, Any]) -> bool:
    """Exempt by what; noted for the audit log."""
    settings = request.pod_security
    for what, value, exempt in (
        ("namespace", request.namespace, settings.namespaces),
        ("user", request.user, settings.usernames),
        ("runtimeClass", spec.get("runtimeClassName") or "", settings.runtime_classes),
    ):
        if value in exempt:
            request.annotations[f"{PREFIX}exempt"] = what
            return True
    return False


def _pod(request: AdmissionRequest, policy: Policy) -> None:
    pod = request.object or {}
    spec = pod.get("spec") or {}
    if request.operation == "UPDATE" and request.old is not None and not _is_significant(pod, request.old):
        return
    if _exempt(request, spec):
        return
    request.annotations[f"{PREFIX}enforce-policy"] = str(policy.enforce)
    if why := _found(policy.enforce, pod):
        raise forbidden(request.kind, request.name, f'violates PodSecurity "{policy.enforce}": {why}')
    _tell(request, policy, pod)


def _template(request: AdmissionRequest, policy: Policy) -> None:
    """Templates are never refused: what is made from them is."""
    found: Any = request.object
    for field in _TEMPLATES[request.kind.resource]:
        found = (found or {}).get(field)
    if found and found.get("spec") and not _exempt(request, found["spec"]):
        _tell(request, policy, found)


def _tell(request: AdmissionRequest, policy: Policy, pod: Obj) -> None:
    if why := _found(policy.audit, pod):
        request.annotations[f"{PREFIX}audit-violations"] = f'would violate PodSecurity "{policy.audit}": {why}'
    if why := _found(policy.warn, pod):
        request.warnings.append(f'would violate PodSecurity "{policy.warn}": {why}')


def _found(rule: Rule, pod: Obj) -> str:
    if rule.level == PRIVILEGED:
        return ""
    return ", ".join(map(str, violations(rule.level, rule.minor, pod.get("metadata") or {}, pod.get("spec") or {})))


def _is_significant(new: Obj, old: Obj) -> bool:
    """Can the change make a difference? Most updates of a pod change metadata, images or tolerations only."""
    return _judged(new) != _judged(old)


def _judged(pod: Obj) -> Any:
    annotations = pod["metadata"].get("annotations") or {}
    noted = {key: value for key, value in annotations.items() if "seccomp" in key or "apparmor" in key}
    spec = {key: value for key, value in (pod.get("spec") or {}).items() if key != "tolerations"}
    for field in ("containers", "initContainers", "ephemeralContainers"):
        if field in spec:
            spec[field] = [{key: value for key, value in one.items() if key != "image"} for one in spec[field] or ()]
    return noted, spec


async def _namespace(request: AdmissionRequest) -> None:
    """The labels are right, or as wrong as they were; and who would not be let in again."""
    new, old = (((obj or {}).get("metadata") or {}).get("labels") or {} for obj in (request.object, request.old))
    if not any(label.startswith(PREFIX) for labels in (new, old) for label in labels):
        return
    settings = request.pod_security
    wrong: Found = []
    before: Found = []
    policy, former = policy_of(new, settings.defaults, wrong), policy_of(old, settings.defaults, before)
    if any(problem not in before for problem in wrong):
        raise invalid(request.kind, request.name, wrong)
    if request.operation == "CREATE" or policy.enforce == former.enforce or policy.enforce.level == PRIVILEGED:
        return
    same_version = policy.enforce.version == former.enforce.version
    if same_version and policy.enforce.strictness <= former.enforce.strictness:
        return
    if request.name in settings.namespaces:
        why = f'namespace "{request.name}" is exempt from Pod Security, and the policy (enforce={policy.enforce}) '
        request.warnings.append(why + "will be ignored")
        return
    request.warnings.extend(await _about_present_pods(request, policy.enforce))


async def _about_present_pods(request: AdmissionRequest, rule: Rule) -> list[str]:
    kind = registry.named("Pod")
    page = await request.store.range(f"{kind.prefix}{request.name}/", limit=MOST_PODS)
    by_reason: dict[str, list[str]] = {}
    for pod in (orjson.loads(record.value) for record in page.records):
        if (pod["spec"].get("runtimeClassName") or "") in request.pod_security.runtime_classes:
            continue
        found = violations(rule.level, rule.minor, pod["metadata"], pod["spec"])
        if found:
            by_reason.setdefault(", ".join(one.reason for one in found), []).append(pod["metadata"]["name"])
    if not by_reason:
        return []
    head = f'existing pods in namespace "{request.name}" violate the new PodSecurity enforce level "{rule}"'
    partly = ""
    if page.remaining:
        partly = f"new PodSecurity enforce level only checked against the first {MOST_PODS} of "
        partly += f"{MOST_PODS + page.remaining} existing pods"
    return [*([partly] if partly else []), head, *sorted(_lines(by_reason.items()))]


def _lines(by_reason: Iterable[tuple[str, list[str]]]) -> Iterable[str]:
    for reason, names in by_reason:
        others = len(names) - 1
        more = f" (and {others} other pod{'s' if others > 1 else ''})" if others else ""
        yield f"{names[0]}{more}: {reason}"


PLUGIN = Plugin("PodSecurity", handles, admit)
