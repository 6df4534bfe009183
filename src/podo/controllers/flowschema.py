"""FlowSchemas and priority levels: says of a FlowSchema whether its level is there (condition Dangling), and makes
mandatory objects again when somebody has deleted them.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.kinds.flowcontrol import defaults
from podo.api.kinds.flowcontrol.flowschema import dangling
from podo.api.meta import name_of
from podo.controllers.conditions import with_condition
from podo.reconcile.actions import Action, Create, SetStatus
from podo.reconcile.declare import Key, View, controller

SCHEMA, LEVEL = "FlowSchema", "PriorityLevelConfiguration"


def _referring(level: Obj, view: View) -> Iterator[Key]:
    for schema in view.list(SCHEMA):
        if _level_of(schema) == name_of(level):
            yield Key("", name_of(schema))


def _mandatory(obj: Obj, view: View) -> Iterator[Key]:
    """What may have gone while nobody looked: no news of it ever comes, so that news of the others must do."""
    yield from (Key("", name) for name in defaults.MANDATORY)


def _referring_or_mandatory(level: Obj, view: View) -> Iterator[Key]:
    yield from _referring(level, view)
    yield from _mandatory(level, view)


def _level_of(schema: Obj) -> str:
    return (schema["spec"].get("priorityLevelConfiguration") or {}).get("name") or ""


@controller(reconciles=SCHEMA, watches={LEVEL: _referring_or_mandatory})
def reconcile(key: Key, view: View) -> Iterator[Action]:
    schema = view.get(SCHEMA, key.name)
    if schema is None:
        yield from _again(defaults.flow_schemas(), key.name)
        return
    status = schema.get("status") or {}
    there = view.get(LEVEL, _level_of(schema)) is not None
    conditions = with_condition(status.get("conditions") or [], dangling(_level_of(schema), there), view.now)
    yield SetStatus(schema, {**status, "conditions": conditions})


@controller(reconciles=LEVEL, watches={SCHEMA: _mandatory}, name="prioritylevelconfiguration")
def priority_levels(key: Key, view: View) -> Iterator[Action]:
    if view.get(LEVEL, key.name) is None:
        yield from _again(defaults.priority_levels(), key.name)


def _again(objects: list[Obj], name: str) -> Iterator[Action]:
    if name in defaults.MANDATORY:
        yield from (Create(obj) for obj in objects if name_of(obj) == name)
