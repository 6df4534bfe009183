"""Whom a changed object wakes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from podo.api.kind import Obj
from podo.client.cache import CacheChange
from podo.client.index import place_of
from podo.reconcile.declare import Among, Declaration, Key, Later, View
from podo.reconcile.wake import Listener, Route


def _nothing(key: Key, view: View) -> tuple[()]:
    return ()


def _by_label(pod: Obj, view: View) -> Iterator[Key]:
    yield Key(pod["metadata"]["namespace"], pod["metadata"]["labels"]["app"])


def _breaks(pod: Obj, view: View) -> Iterator[Key]:
    raise ZeroDivisionError


def _never(key: Key, seconds: float) -> None:
    raise AssertionError("nothing here is to be looked at later")


def _pod(name: str = "p", app: str = "a", owner: tuple[str, str, str] | None = None, **spec: Any) -> Obj:
    metadata: Obj = {"name": name, "namespace": "n", "labels": {"app": app}}
    if owner:
        version, kind, owned_by = owner
        reference = {"apiVersion": version, "kind": kind, "name": owned_by, "controller": True, "uid": "u"}
        metadata["ownerReferences"] = [reference]
    return {"metadata": metadata, "spec": spec}


def woken(declaration: Declaration, old: Obj | None, new: Obj | None) -> tuple[list[Key], list[Exception]]:
    keys: list[Key] = []
    bugs: list[Exception] = []
    view: Any = None
    present = new or old
    assert present is not None
    route = Route("Pod", [Listener(declaration, keys.append, _never, lambda: view, bugs.append)])
    route.tell([CacheChange("Pod", place_of(present), old, new)])
    return keys, bugs


def test_the_object_itself_wakes_who_reconciles_its_kind() -> None:
    assert woken(Declaration("c", "Pod", _nothing), None, _pod()) == ([Key("n", "p")], [])


def test_objects_that_a_controller_does_not_mind_wake_it_only_by_their_end() -> None:
    declaration = Declaration("c", "Pod", _nothing, minds=lambda pod: "nodeName" in pod["spec"])
    assert woken(declaration, None, _pod()) == ([], [])
    assert woken(declaration, _pod(), _pod(nodeName="a")) == ([Key("n", "p")], [])
    assert woken(declaration, _pod(), None) == ([Key("n", "p")], [])


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        (("apps/v1", "ReplicaSet", "web"), [Key("n", "web")]),
        (("apps/v1", "Deployment", "web"), []),
        (("example.com/v1", "ReplicaSet", "web"), []),
        (None, []),
    ],
)
def test_an_owned_object_wakes_its_owner_by_group_and_kind(
    owner: tuple[str, str, str] | None, expected: list[Key]
) -> None:
    declaration = Declaration("c", "ReplicaSet", _nothing, owns=("Pod",))
    assert woken(declaration, None, _pod(owner=owner)) == (expected, [])


def test_owners_without_a_namespace_are_found() -> None:
    declaration = Declaration("c", "Node", _nothing, owns=("Pod",))
    assert woken(declaration, None, _pod(owner=("v1", "Node", "one")))[0] == [Key("", "one")]


def test_a_mapper_is_shown_the_state_before_and_after() -> None:
    declaration = Declaration("c", "Service", _nothing, watches={"Pod": _by_label})
    assert woken(declaration, _pod(app="a"), _pod(app="b"))[0] == [Key("n", "a"), Key("n", "b")]


def test_an_object_that_changes_its_owner_wakes_both() -> None:
    declaration = Declaration("c", "ReplicaSet", _nothing, owns=("Pod",))
    before, after = (_pod(owner=("apps/v1", "ReplicaSet", name)) for name in ("old", "new"))
    assert woken(declaration, before, after)[0] == [Key("n", "old"), Key("n", "new")]


def test_a_bug_in_a_mapper_is_told() -> None:
    keys, bugs = woken(Declaration("c", "Service", _nothing, watches={"Pod": _breaks}), None, _pod())
    assert keys == []
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]


class _Counting:
    """A view of ``services`` Services."""

    def __init__(self, services: int) -> None:
        self.services = services

    def count(self, kind: str) -> int:
        assert kind == "Service"
        return self.services


@pytest.mark.parametrize(("services", "expected"), [(0, []), (1, [Key("n", "a")])])
def test_who_looks_among_objects_of_a_kind_is_asked_where_there_are_any(services: int, expected: list[Key]) -> None:
    keys: list[Key] = []
    view: Any = _Counting(services)
    declaration = Declaration("c", "Service", _nothing, watches={"Pod": Among("Service", _by_label)})
    route = Route("Pod", [Listener(declaration, keys.append, _never, lambda: view, lambda bug: None)])
    route.tell([CacheChange("Pod", place_of(_pod()), None, _pod())])
    assert keys == expected


def test_a_mapper_may_put_a_look_off() -> None:
    def soon(pod: Obj, view: View) -> Iterator[Later]:
        yield Later(Key("", "all"), 2.5)

    later: list[tuple[Key, float]] = []
    declaration = Declaration("c", "Node", _nothing, watches={"Pod": soon})
    view: Any = None
    route = Route("Pod", [Listener(declaration, _at_once, lambda *wish: later.append(wish), lambda: view, _raise)])
    route.tell([CacheChange("Pod", place_of(_pod()), None, _pod())])
    assert later == [(Key("", "all"), 2.5)]


def _at_once(key: Key) -> None:
    raise AssertionError(f"{key} is to be looked at later")


def _raise(bug: Exception) -> None:
    raise bug
