"""ControllerRevision (apps/v1): one state that a DaemonSet or StatefulSet once had, kept to go back to."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.meta import controller_of
from podo.api.rules import Found, check_immutable, check_not_negative, required


def _fill_in(revision: Obj) -> None:
    if revision.get("revision") is None:
        revision["revision"] = 0


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    check_not_negative("revision", new.get("revision"), found)
    if new.get("data") is None:
        found.append(required("data", "data is mandatory"))
    if old is not None:
        check_immutable("data", new.get("data"), old.get("data"), found)
    return found


def _controller(revision: Obj) -> str:
    reference = controller_of(revision)
    if reference is None:
        return "<none>"
    group = str(reference.get("apiVersion") or "").rpartition("/")[0]
    kind = str(reference.get("kind") or "").lower()
    return f"{kind}.{group}/{reference.get('name')}" if group else f"{kind}/{reference.get('name')}"


CONTROLLERREVISION = Kind(
    group="apps",
    version="v1",
    kind="ControllerRevision",
    plural="controllerrevisions",
    singular="controllerrevision",
    fill_in=_fill_in,
    problems=_problems,
    columns=(
        NAME,
        column("Controller", _controller),
        column("Revision", lambda revision: revision.get("revision") or 0),
        AGE,
    ),
)
