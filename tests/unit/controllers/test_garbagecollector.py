"""What garbage collection does with news that are late: the worlds of tests/scenarios see the rest."""

from __future__ import annotations

from typing import Any

import pytest

from podo.controllers.garbagecollector import collect
from podo.reconcile.actions import Delete, EnsureAbsent, Patch
from tests.unit.controllers.stage import Stage

Obj = dict[str, Any]


def configmap(name: str, *owners: Obj) -> Obj:
    metadata = {"name": name, "namespace": "default", "ownerReferences": list(owners)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def reference(name: str, uid: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid}


@pytest.mark.parametrize("others", [0, 1])
def test_an_owner_that_was_not_seen_yet_is_asked_for_before_anything_goes(others: int) -> None:
    s = Stage()
    living = [s.put(configmap("living"))["metadata"]["uid"]] * others
    child = s.put(configmap("child", reference("new", "n"), *(reference("living", uid) for uid in living)))
    first, *rest = collect(child, s)
    assert first == EnsureAbsent("ConfigMap", "default", "new", "n")
    assert [type(action) for action in rest] == ([Patch] if others else [Delete])
