"""StorageVersionMigration (storagemigration.k8s.io/v1): the wish that all objects of a resource be written again, in
the version and under the key that are in force now. The controller of this name does it."""

from __future__ import annotations

import re
from typing import Any

from podo.api.columns import column
from podo.api.kind import Kind, Obj
from podo.api.meta import condition_is_true
from podo.api.rules import IMMUTABLE, Found, check_immutable, check_text, duplicate, invalid, not_supported, required
from podo.values import names

RUNNING, SUCCEEDED, FAILED = "Running", "Succeeded", "Failed"
_STATUSES = ("False", "True", "Unknown")
_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
_REASON_MAX = 1024


def is_over(migration: Obj) -> bool:
    """Has it succeeded or failed? Then nothing comes of it any more."""
    return condition_is_true(migration, SUCCEEDED) or condition_is_true(migration, FAILED)


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    resource = (new.get("spec") or {}).get("resource") or {}
    name, group = resource.get("resource") or "", resource.get("group") or ""
    if not name:
        found.append(required("spec.resource.resource", "resource is required to be set"))
    else:
        check_text("spec.resource.resource", name, names.label_1035, found)
    if group:
        check_text("spec.resource.group", group, names.subdomain, found)
    if old is not None:
        check_immutable("spec", new.get("spec"), old.get("spec"), found)
    return found


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    status, before = new.get("status") or {}, (old or {}).get("status") or {}
    revision, known = status.get("resourceVersion") or "", before.get("resourceVersion") or ""
    if revision and not (revision.isascii() and revision.isdigit() and not revision.startswith("0")):
        why = f"resource version is not well formed: {revision}"
        found.append(invalid("status.resourceVersion", revision, why))
    for index, condition in enumerate(status.get("conditions") or ()):
        _check_condition(condition, f"status.conditions[{index}]", found)
    _check_types(status.get("conditions") or [], found)
    if known and revision != known:
        found.append(invalid("status.resourceVersion", revision, IMMUTABLE))
    for why in _contradictions(new, old or {}):
        found.append(invalid("status.conditions", status.get("conditions"), why))
    return found


def _check_condition(condition: dict[str, Any], path: str, found: Found) -> None:
    """The rules of metav1.Condition."""
    check_text(f"{path}.type", condition.get("type") or "", names.qualified_name, found)
    if condition.get("status") not in _STATUSES:
        found.append(not_supported(f"{path}.status", condition.get("status") or "", _STATUSES))
    if (condition.get("observedGeneration") or 0) < 0:
        why = "must be greater than or equal to zero"
        found.append(invalid(f"{path}.observedGeneration", condition["observedGeneration"], why))
    if not condition.get("lastTransitionTime"):
        found.append(required(f"{path}.lastTransitionTime", "must be set"))
    reason = condition.get("reason") or ""
    if not reason:
        found.append(required(f"{path}.reason", "must be set"))
    elif len(reason) > _REASON_MAX or not _REASON.fullmatch(reason):
        why = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric"
        why += " characters or '_,:', and must end with an alphanumeric character or '_'"
        found.append(invalid(f"{path}.reason", reason, why))


def _check_types(conditions: list[dict[str, Any]], found: Found) -> None:
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        kind = condition.get("type") or ""
        if kind in seen:
            found.append(duplicate(f"status.conditions[{index}].type", kind))
        seen.add(kind)


def _contradictions(new: Obj, old: Obj) -> list[str]:
    """What cannot be true together, and what cannot become untrue."""
    succeeded, failed, running = (condition_is_true(new, kind) for kind in (SUCCEEDED, FAILED, RUNNING))
    found = []
    if succeeded and failed:
        found.append("Both success and failed conditions cannot be true at the same time")
    if succeeded and running:
        found.append("Running condition cannot be true when success condition is true")
    if failed and running:
        found.append("Running condition cannot be true when failed condition is true")
    if condition_is_true(old, SUCCEEDED) and not succeeded:
        found.append("Success condition cannot be set to false once it is true")
    if condition_is_true(old, FAILED) and not failed:
        found.append("Failed condition cannot be set to false once it is true")
    return found


def _resource(migration: Obj) -> str:
    """What is migrated, e.g. ``deployments.apps``."""
    wanted = (migration.get("spec") or {}).get("resource") or {}
    return ".".join(filter(None, (wanted.get("resource"), wanted.get("group"))))


STORAGEVERSIONMIGRATION = Kind(
    group="storagemigration.k8s.io",
    version="v1",
    kind="StorageVersionMigration",
    plural="storageversionmigrations",
    singular="storageversionmigration",
    namespaced=False,
    subresources=frozenset({"status"}),
    problems=_problems,
    status_problems=_status_problems,
    conditional=True,
    columns=(column("Name", lambda one: one["metadata"].get("name") or ""), column("Resource", _resource)),
)
