"""Which objects count towards a quota: those that match all of its scopes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from podo.admission.resourcequota.usage import CLAIMS, PODS, Resource
from podo.api.kind import Obj
from podo.api.parts.resources import qos_class


def matches(spec: dict[str, Any], resource: Resource, obj: Obj) -> bool:
    """Does ``obj`` match every scope in the spec of a quota? Only pods and claims match any at all."""
    return all(_matches(wanted, resource, obj) for wanted in _requirements(spec))


def _requirements(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for scope in spec.get("scopes") or ():
        yield {"scopeName": scope, "operator": "Exists"}
    yield from (spec.get("scopeSelector") or {}).get("matchExpressions") or ()


def _matches(wanted: dict[str, Any], resource: Resource, obj: Obj) -> bool:
    scope = wanted.get("scopeName")
    if resource == CLAIMS:
        return scope == "VolumeAttributesClass" and _selects(wanted, _attribute_classes(obj))
    if resource != PODS:
        return False
    spec = obj.get("spec") or {}
    if scope in ("Terminating", "NotTerminating"):
        return (spec.get("activeDeadlineSeconds") is not None) is (scope == "Terminating")
    if scope in ("BestEffort", "NotBestEffort"):
        return (qos_class(obj) == "BestEffort") is (scope == "BestEffort")
    if scope == "PriorityClass":
        return _selects(wanted, filter(None, [spec.get("priorityClassName")]))
    return scope == "CrossNamespacePodAffinity" and _crosses_namespaces(spec.get("affinity") or {})


def _selects(wanted: dict[str, Any], found: Iterable[str]) -> bool:
    values, there = set(wanted.get("values") or ()), set(found)
    operator = wanted.get("operator")
    if operator == "Exists":
        return bool(there)
    if operator == "DoesNotExist":
        return not there
    return bool(there & values) if operator == "In" else not there & values


def _attribute_classes(claim: Obj) -> Iterator[str]:
    """The classes that a claim has, wants, and is being changed to."""
    status = claim.get("status") or {}
    for name in (
        (claim.get("spec") or {}).get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    ):
        if name:
            yield name


def _crosses_namespaces(affinity: dict[str, Any]) -> bool:
    return any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in _terms(affinity))


def _terms(affinity: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for field in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(field) or {}
        yield from rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for weighted in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield weighted.get("podAffinityTerm") or {}
