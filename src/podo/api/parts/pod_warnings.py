"""What a client is told beside the answer about a pod, or a template of pods: what is deprecated, does nothing, or does
not what it seems to.

Source: the warnings of upstream's pods (KEP-1693, "API warnings").
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from podo.api.kind import Obj
from podo.api.parts import container_warnings, fractions, nodelabels, volume_warnings
from podo.api.parts.addresses import ip_warnings
from podo.api.parts.nodeselector import PREFERRED, REQUIRED
from podo.values import names

Spec = dict[str, Any]
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_DEPRECATED_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": ("v1.16", "priorityClassName"),
    "security.alpha.kubernetes.io/sysctls": ("v1.11", "sysctls"),
    "security.alpha.kubernetes.io/unsafe-sysctls": ("v1.11", "sysctls"),
}
#: In the names of all annotations that anything is told of, here or by ``container_warnings``.
_TOLD_OF = ("alpha.kubernetes.io/", "security.beta.kubernetes.io/")
#: Larger specs are not remembered, in bytes.
_LARGEST = 16 * 1024
_NO_SELECTOR = "labelSelector: a null labelSelector results in matching no pod"
_LABEL = "which can result in surprising behavior; a DNS label is recommended"


def of_pod(new: Obj, old: Obj | None) -> list[str]:
    """Of a new pod. Of a changed one nothing is told: it is controllers and kubelets that change pods."""
    if old is not None:
        return []
    return _name(new, "this is used in the Pod's hostname") + _of_spec(new["metadata"], new["spec"], "")


def of_workload(new: Obj, old: Obj | None) -> list[str]:
    """Of a kind whose ``spec.template`` pods are made from; of a changed one only if what is wanted has changed."""
    return of_name(new, old) + of_template(new, old)


def of_name(new: Obj, old: Obj | None) -> list[str]:
    """Of a kind whose pods have its name in theirs."""
    return _name(new, "this is used in Pod names and hostnames") if old is None else []


def _name(obj: Obj, used: str) -> list[str]:
    wrong = names.label(obj["metadata"].get("name") or "")
    return [f"metadata.name: {used}, {_LABEL}: [{' '.join(wrong)}]"] if wrong else []


def of_template(new: Obj, old: Obj | None) -> list[str]:
    return template_warnings(new["spec"].get("template") or {}, "spec.template") if asks_anew(new, old) else []


def asks_anew(new: Obj, old: Obj | None) -> bool:
    """Is something else wanted than before?"""
    return old is None or new["metadata"].get("generation") != old["metadata"].get("generation")


def template_warnings(template: Obj, path: str) -> list[str]:
    return _of_spec(template.get("metadata") or {}, template.get("spec") or {}, f"{path}.")


def _of_spec(metadata: Obj, spec: Spec, path: str) -> list[str]:
    """``path``: what stands before ``spec``; nothing for a pod."""
    annotations = metadata.get("annotations")
    if annotations and any(word in name for name in annotations for word in _TOLD_OF):
        return _told(annotations, spec, path)
    encoded = orjson.dumps(spec)
    return [*_told_of_encoded(encoded, path)] if len(encoded) <= _LARGEST else _told({}, spec, path)


@lru_cache(maxsize=256)
def _told_of_encoded(spec: bytes, path: str) -> tuple[str, ...]:
    """Of a spec whose annotations nothing is told of: the replicas of one template are looked at once."""
    return tuple(_told({}, orjson.loads(spec), path))


def _told(annotations: dict[str, str], spec: Spec, path: str) -> list[str]:
    found: list[str] = []
    where = f"{path}spec"
    if selector := spec.get("nodeSelector"):
        found += nodelabels.of_keys(selector, f"{where}.nodeSelector")
    affinity = spec.get("affinity")
    if affinity and (nodes := affinity.get("nodeAffinity")):
        found += _of_node_affinity(nodes, f"{where}.affinity.nodeAffinity")
    for index, spread in enumerate(spec.get("topologySpreadConstraints") or ()):
        at = f"{where}.topologySpreadConstraints[{index}]"
        found += nodelabels.of_key(spread.get("topologyKey"), f"{at}.topologyKey")
        if spread.get("labelSelector") is None:
            found.append(f"{at}.{_NO_SELECTOR}")
    for name, (since, field) in _DEPRECATED_ANNOTATIONS.items():
        if name in annotations:
            what = f'non-functional in {since}+; use the "{field}" field instead'
            found.append(f"{path}metadata.annotations[{name}]: {what}")
    if volumes := spec.get("volumes"):
        found += volume_warnings.warnings(volumes, f"{where}.volumes")
    found += _of_lists(spec, where)
    if overhead := spec.get("overhead"):
        found += fractions.of_amounts(overhead, fractions.BYTES, f"{where}.overhead")
    each = _containers(spec, where)
    if annotations:
        found += _of_profiles(annotations, spec, each, f"{path}metadata.annotations")
    found += container_warnings.warnings(each)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        what = "must be >= 0; negative values are invalid and will be treated as 1"
        found.append(f"{where}.terminationGracePeriodSeconds: {what}")
    if affinity:
        for kind in ("podAffinity", "podAntiAffinity"):
            found += _of_pod_affinity(affinity.get(kind) or {}, f"{where}.affinity.{kind}")
    return found + _of_addresses(spec, where)


def _containers(spec: Spec, where: str) -> list[container_warnings.At]:
    return [
        (f"{where}.{field}[{index}]", container)
        for field in ("initContainers", "containers", "ephemeralContainers")
        for index, container in enumerate(spec.get(field) or ())
    ]


def _of_node_affinity(affinity: Spec, path: str) -> list[str]:
    found: list[str] = []
    for index, term in enumerate((affinity.get(REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        at = f"{path}.{REQUIRED}.nodeSelectorTerms[{index}].matchExpressions"
        found += nodelabels.of_expressions(term.get("matchExpressions") or (), at)
    for index, weighted in enumerate(affinity.get(PREFERRED) or ()):
        at = f"{path}.{PREFERRED}[{index}].preference.matchExpressions"
        expressions = (weighted.get("preference") or {}).get("matchExpressions") or ()
        found += nodelabels.of_expressions(expressions, at, check_values=True)
    return found


def _of_pod_affinity(affinity: Spec, path: str) -> list[str]:
    found = []
    for index, term in enumerate(affinity.get(REQUIRED) or ()):
        if term.get("labelSelector") is None:
            found.append(f"{path}.{REQUIRED}[{index}].{_NO_SELECTOR}")
    for index, weighted in enumerate(affinity.get(PREFERRED) or ()):
        if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
            found.append(f"{path}.{PREFERRED}[{index}].podAffinityTerm.{_NO_SELECTOR}")
    return found


def _of_lists(spec: Spec, where: str) -> list[str]:
    """Entries that are there twice, or name nothing."""
    found: list[str] = []
    for field, key in (("hostAliases", "ip"), ("imagePullSecrets", "name")):
        seen = set()
        for index, entry in enumerate(spec.get(field) or ()):
            value = entry.get(key) or ""
            if value in seen:
                found.append(f'{where}.{field}[{index}].{key}: duplicate {key} "{value}"')
            seen.add(value)
    for index, entry in enumerate(spec.get("imagePullSecrets") or ()):
        if not entry.get("name"):
            found.append(f'{where}.imagePullSecrets[{index}].name: invalid empty name ""')
    return found


def _of_profiles(annotations: Any, spec: Spec, each: list[container_warnings.At], path: str) -> list[str]:
    context = spec.get("securityContext") or {}
    found = []
    if _SECCOMP in annotations and not context.get("seccompProfile"):
        what = 'non-functional in v1.27+; use the "seccompProfile" field instead'
        found.append(f"{path}[{_SECCOMP}]: {what}")
    return found + container_warnings.of_annotations(annotations, each, path, context)


def _of_addresses(spec: Spec, where: str) -> list[str]:
    found: list[str] = []
    for index, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        found += ip_warnings(f"{where}.dnsConfig.nameservers[{index}]", server)
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        found += ip_warnings(f"{where}.hostAliases[{index}].ip", alias.get("ip") or "")
    return found
