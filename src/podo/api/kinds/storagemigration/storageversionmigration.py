"""StorageVersionMigration (storagemigration.k8s.io/v1): the wish that all objects of a resource be written again, in
the version and under the key that are in force now. The controller of this name does it."""

from __future__ import annotations

from podo.api.columns import column
from podo.api.kind import Kind, Obj
from podo.api.meta import condition_is_true
from podo.api.parts.condition_rules import check_conditions
from podo.api.rules import IMMUTABLE, Found, check_immutable, check_text, invalid, required
from podo.values import names

RUNNING, SUCCEEDED, FAILED = "Running", "Succeeded", "Failed"


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
    check_conditions(status.get("conditions") or [], "status.conditions", found)
    if known and revision != known:
        found.append(invalid("status.resourceVersion", revision, IMMUTABLE))
    for why in _contradictions(new, old or {}):
        found.append(invalid("status.conditions", status.get("conditions"), why))
    return found


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
