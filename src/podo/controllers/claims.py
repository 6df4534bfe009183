"""Claiming: a controller adopts matching objects that nobody owns, and lets go of its own that match no longer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from podo.api.kind import Obj
from podo.api.meta import controller_of, is_deleting, labels_of, namespace_of, owner_reference, uid_of
from podo.reconcile.actions import Action, Patch
from podo.reconcile.declare import View
from podo.values.selector import from_label_selector, from_map


@dataclass(frozen=True, slots=True)
class Claims:
    """``held``: objects of the owner that match (adopted ones included). ``adopted`` and ``released`` need a patch."""

    owner: Obj
    held: list[Obj] = field(default_factory=list)
    adopted: list[Obj] = field(default_factory=list)
    released: list[Obj] = field(default_factory=list)

    def actions(self) -> Iterator[Action]:
        """The patches; each holds the uid, so that a successor of the same name is left alone."""
        for obj in self.adopted:
            yield Patch(obj, _patch(obj, owner_reference(self.owner)), "strategic")
        for obj in self.released:
            yield Patch(obj, _patch(obj, {"$patch": "delete", "uid": uid_of(self.owner)}), "strategic")


def _patch(obj: Obj, reference: Obj) -> Obj:
    return {"metadata": {"uid": uid_of(obj), "ownerReferences": [reference]}}


def _any(obj: Obj) -> bool:
    return True


def claim(owner: Obj, kind: str, selector: Obj, view: View, belongs: Callable[[Obj], bool] = _any) -> Claims:
    """Sort the objects of ``kind`` around ``owner`` by who owns them and whether ``selector`` matches.

    ``belongs``: has the object what else the owner's have? Objects that are being deleted, and an owner that is, take
    no part in adoption and release.
    """
    matching = [obj for obj in view.selected(kind, owner["metadata"]["namespace"], selector) if belongs(obj)]
    matches = {uid_of(obj) for obj in matching}
    claims = Claims(owner)
    for obj in view.owned_by(owner, kind):
        if uid_of(obj) in matches:
            claims.held.append(obj)
        elif not is_deleting(owner) and not is_deleting(obj):
            claims.released.append(obj)
    if not is_deleting(owner):
        orphans = [obj for obj in matching if controller_of(obj) is None and not is_deleting(obj)]
        claims.adopted.extend(orphans)
        claims.held.extend(orphans)
    return claims


def claimants(kind: str, obj: Obj, view: View) -> Iterator[Obj]:
    """Objects of ``kind`` whose selector matches ``obj``, an orphan: they may adopt it. Nothing where it is owned."""
    if controller_of(obj) is not None:
        return
    for owner in view.list(kind, namespace_of(obj)):
        selector = owner["spec"].get("selector") or {}
        parsed = from_map(selector) if kind == "ReplicationController" else from_label_selector(selector)
        if parsed.matches(labels_of(obj)):
            yield owner
