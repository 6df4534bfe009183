"""StorageVersionMigration: has every object of a resource stored again, one migration of a resource at a time, and says
of a custom kind afterwards that nothing is stored in older versions any more.

Source: KEP-4192; "Migrate Kubernetes Objects Using Storage Version Migration" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api import registry
from podo.api.kind import Obj
from podo.api.kinds.apiextensions.customresourcedefinition import storage_version
from podo.api.kinds.storagemigration.storageversionmigration import FAILED, RUNNING, SUCCEEDED, is_over
from podo.api.meta import condition_is_true, condition_of, is_deleting, name_of, revision_of
from podo.controllers import conditions, everykind
from podo.reconcile.actions import Action, CheckAgain, RewriteAll, SetStatus
from podo.reconcile.declare import Key, View, controller
from podo.values import timestamp

KIND, DEFINITION = "StorageVersionMigration", "CustomResourceDefinition"
#: Of a custom resource's definition.
MIGRATING = "StorageMigrating"
#: How long a resource may be unknown before the migration has failed, and how often it is looked for, in seconds.
UNKNOWN_SECONDS, LOOK_SECONDS = 60.0, 5.0


def _resource(migration: Obj) -> tuple[str, str]:
    """The group and the resource."""
    found = migration["spec"]["resource"]
    return found.get("group") or "", found["resource"]


def _of_resource(migration: Obj, view: View) -> list[Obj]:
    wanted = _resource(migration)
    return [one for one in view.list(KIND) if _resource(one) == wanted]


def _others(migration: Obj, view: View) -> Iterator[Key]:
    """The end of one migration is the beginning of the next of its resource."""
    for other in _of_resource(migration, view):
        yield Key("", name_of(other))


@controller(reconciles=KIND, watches={KIND: _others}, reads=(DEFINITION,))
def reconcile(key: Key, view: View) -> Iterator[Action]:
    migration = view.get(KIND, key.name)
    if migration is None or is_deleting(migration):
        return
    if is_over(migration):
        yield from _clear_up(migration, view)
    elif not condition_is_true(migration, RUNNING):
        if _turn(migration, view):
            yield from _begin(migration, view)
    elif (migration.get("status") or {}).get("resourceVersion"):
        yield from _migrate(migration, view)
    else:
        yield from _note_revision(migration, view)


def _turn(migration: Obj, view: View) -> bool:
    """Is it this one's turn? The oldest is first, and none begins while another runs."""
    waiting = [one for one in _of_resource(migration, view) if not is_over(one)]
    if any(condition_is_true(one, RUNNING) for one in waiting):
        return False
    first = min(waiting, key=lambda one: (one["metadata"]["creationTimestamp"], name_of(one)))
    return name_of(first) == name_of(migration)


def _begin(migration: Obj, view: View) -> Iterator[Action]:
    definition = _definition(migration, view)
    if definition is not None:
        said = f"Migration {name_of(migration)} is running"
        yield SetStatus(definition, _of_definition(definition, True, "MigrationRunning", said, view.now))
    yield _told(migration, RUNNING, "MigrationRunning", "The migration is running", view.now)


def _note_revision(migration: Obj, view: View) -> Iterator[Action]:
    """What is written later than now is written in the new way by whoever writes it."""
    if _kind(migration, view) is not None:
        status = {**migration["status"], "resourceVersion": str(revision_of(migration))}
        yield SetStatus(migration, status)
    elif timestamp.parse(migration["metadata"]["creationTimestamp"]) + UNKNOWN_SECONDS > view.now:
        yield CheckAgain(LOOK_SECONDS)
    else:
        yield _failed(migration, "resource does not exist in discovery", view.now)


def _migrate(migration: Obj, view: View) -> Iterator[Action]:
    kind = _kind(migration, view)
    if kind is None:
        yield _failed(migration, "resource does not exist in discovery", view.now)
        return

    def done(count: int) -> Iterator[Action]:
        said = f"The migration of {count} objects has succeeded"
        yield _told(migration, SUCCEEDED, "StorageVersionMigrationSucceeded", said, view.now)

    def refused(why: Exception) -> Iterator[Action]:
        yield _failed(migration, str(why), view.now)

    yield RewriteAll(kind, int(migration["status"]["resourceVersion"]), done, refused)


def _failed(migration: Obj, why: str, now: float) -> SetStatus:
    said = f"migration encountered unhandled error: {why}"
    return _told(migration, FAILED, "StorageVersionMigrationFailed", said, now)


def _told(migration: Obj, kind: str, reason: str, message: str, now: float) -> SetStatus:
    """The migration with a condition that is true; of those that end it, in place of the one that it runs."""
    status = dict(migration.get("status") or {})
    present = list(status.get("conditions") or [])
    if kind != RUNNING:
        present = [{**one, "status": "False"} if one["type"] == RUNNING else one for one in present]
    new = {"type": kind, "status": "True", "reason": reason, "message": message}
    return SetStatus(migration, {**status, "conditions": conditions.with_condition(present, new, now)})


def _clear_up(migration: Obj, view: View) -> Iterator[Action]:
    """Once: the definition is told, then the condition goes that says that this has yet to be done."""
    status = migration["status"]
    if condition_of(migration, RUNNING) is None:
        return
    definition = _definition(migration, view)
    if definition is not None:
        yield SetStatus(definition, _ended(definition, condition_is_true(migration, SUCCEEDED), view.now))
    yield SetStatus(migration, {**status, "conditions": conditions.without(status["conditions"], RUNNING)})


# -- what is migrated ------------------------------------------------------------------------------------------------


def _kind(migration: Obj, view: View) -> str | None:
    """The kind of the resource as clients name it; None where nobody serves it."""
    group, plural = _resource(migration)
    built_in = [kind for kind in registry.all_kinds() if (kind.group, kind.plural) == (group, plural)]
    if built_in:
        stored = [kind for kind in built_in if kind.stored_as is None]
        return everykind.name_for((stored or built_in)[0])
    definition = _definition(migration, view)
    custom = f"{group}/{definition['spec']['names']['kind']}" if definition is not None else ""
    return custom if view.is_custom(custom) else None


def _definition(migration: Obj, view: View) -> Obj | None:
    group, plural = _resource(migration)
    return view.get(DEFINITION, f"{plural}.{group}")


def _ended(definition: Obj, succeeded: bool, now: float) -> dict[str, Any]:
    """The definition's status: older versions are stored no more, unless it has changed since the beginning."""
    begun = condition_of(definition, MIGRATING) or {}
    unchanged = begun.get("observedGeneration") == definition["metadata"].get("generation")
    if not succeeded:
        return _of_definition(definition, False, "MigrationFailed", "The migration has failed", now)
    said = "The migration has succeeded"
    if not unchanged:
        said += " but the stored versions have not been updated due to a generation mismatch"
        return _of_definition(definition, False, "MigrationSucceeded", said, now)
    said += " and the stored versions have been updated"
    status = _of_definition(definition, False, "MigrationSucceeded", said, now)
    return {**status, "storedVersions": [storage_version(definition)]}


def _of_definition(definition: Obj, runs: bool, reason: str, message: str, now: float) -> dict[str, Any]:
    status = dict(definition.get("status") or {})
    new = {
        "type": MIGRATING,
        "status": "True" if runs else "False",
        "reason": reason,
        "message": message,
        "observedGeneration": definition["metadata"].get("generation"),
        "lastTransitionTime": timestamp.time(now),
    }
    return {**status, "conditions": [*conditions.without(list(status.get("conditions") or []), MIGRATING), new]}
