"""ControllerRevisions of a DaemonSet or StatefulSet: its templates, numbered, the present one among them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

from podo.api.kind import Obj
from podo.api.meta import (
    annotations_of,
    is_controlled_by,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    owner_reference,
    uid_of,
)
from podo.controllers.claims import claim
from podo.controllers.templatehash import plain, template_hash
from podo.reconcile.actions import Action, Create, Delete, Patch
from podo.reconcile.declare import View

#: The label of pods, and of a DaemonSet's revisions, that says which revision they are; and that of others' revisions.
HASH, HASH_OF_OTHERS = "controller-revision-hash", "controller.kubernetes.io/hash"
KIND = "ControllerRevision"


@dataclass(frozen=True, slots=True)
class History:
    """``current`` has the owner's present template; ``same`` are others with that template, ``old`` all the rest.

    ``actions`` make it so. ``collided``: another object has the name that ``current`` should get.
    """

    current: Obj
    same: list[Obj]
    old: list[Obj]
    actions: list[Action]
    collided: bool = False

    @property
    def hashes(self) -> frozenset[str]:
        """The hash labels that mean the present template."""
        return frozenset(labels_of(revision).get(HASH, "") for revision in (self.current, *self.same))


def template_of(revision: Obj) -> Obj:
    """The pod template that a revision holds, without the directive of the patch."""
    template = ((revision.get("data") or {}).get("spec") or {}).get("template") or {}
    return {"metadata": template.get("metadata") or {}, "spec": template.get("spec") or {}}


def is_of_template(revision: Obj, template: Obj) -> bool:
    return plain(template_of(revision)) == plain(template)


def history(owner: Obj, view: View) -> History:
    """The revisions of ``owner``: adopts, makes or renumbers so that the present template has the highest number."""
    claims = claim(owner, KIND, owner["spec"]["selector"], view)
    actions = list(claims.actions())
    revisions = sorted(claims.held, key=_order)
    same = [revision for revision in revisions if is_of_template(revision, owner["spec"]["template"])]
    old = [revision for revision in revisions if not is_of_template(revision, owner["spec"]["template"])]
    number = max((number_of(revision) for revision in old), default=0) + 1
    if not same:
        return _with_new(owner, number, old, actions, view)
    current = same.pop()
    if number_of(current) < number:
        actions.append(Patch(current, {"metadata": {"uid": uid_of(current)}, "revision": number}))
        current = {**current, "revision": number}
    return History(current, same, old, actions)


def _with_new(owner: Obj, number: int, old: list[Obj], actions: list[Action], view: View) -> History:
    new = _snapshot(owner, number)
    there = view.get(KIND, name_of(new), namespace_of(new))
    if there is not None and not is_controlled_by(there, owner):
        return History(new, [], old, actions, collided=True)
    if there is not None and not is_of_template(there, owner["spec"]["template"]):
        return History(new, [], old, actions, collided=True)
    return History(new, [], old, [*actions, Create(new)])


def number_of(revision: Obj) -> int:
    return int(revision.get("revision") or 0)


def _order(revision: Obj) -> tuple[int, str, str]:
    return number_of(revision), revision["metadata"].get("creationTimestamp") or "", name_of(revision)


def _snapshot(owner: Obj, number: int) -> Obj:
    hashed = template_hash(owner)
    template = copy.deepcopy(owner["spec"]["template"])
    labels = (template.get("metadata") or {}).get("labels") or {}
    return {
        "apiVersion": "apps/v1",
        "kind": KIND,
        "metadata": {
            "name": f"{name_of(owner)}-{hashed}",
            "namespace": namespace_of(owner),
            "labels": {**labels, HASH if owner["kind"] == "DaemonSet" else HASH_OF_OTHERS: hashed},
            "annotations": dict(annotations_of(owner)),
            "ownerReferences": [owner_reference(owner)],
        },
        "data": {"spec": {"template": {**template, "$patch": "replace"}}},
        "revision": number,
    }


def forget(revisions: list[Obj], limit: int | None, in_use: frozenset[str]) -> Iterator[Action]:
    """Deletes the oldest revisions beyond ``limit`` whose hash or name no pod has; none where it is negative."""
    if limit is not None and limit < 0:
        return
    living = [revision for revision in revisions if not is_deleting(revision)]
    spare = len(living) - (10 if limit is None else limit)
    for revision in sorted(living, key=_order):
        if spare <= 0:
            return
        if not {labels_of(revision).get(HASH, ""), name_of(revision)} & in_use:
            spare -= 1
            yield Delete(revision)
