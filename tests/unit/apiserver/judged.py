"""What a client is told of an object that it writes: the causes of the Status, in their order."""

from __future__ import annotations

import copy
from typing import Any

from podo.api.kind import Kind
from podo.api.registry import named
from tests.unit.apiserver.world import World, in_world

Obj = dict[str, Any]


def kind_of(obj: Obj) -> Kind:
    group = obj["apiVersion"].rpartition("/")[0]
    return named(f"{group}/{obj['kind']}")


def collection(obj: Obj) -> str:
    kind = kind_of(obj)
    root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.api_version}"
    return f"{root}/namespaces/default/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"


def one(api_version: str, kind: str, name: str = "web", **fields: Any) -> Obj:
    found: Obj = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}
    if kind_of(found).namespaced:
        found["metadata"]["namespace"] = "default"
    return found


def changed(obj: Obj, **paths: Any) -> Obj:
    """A copy with other values: ``changed(obj, spec__replicas=2)``; ``...`` takes a field away."""
    found = copy.deepcopy(obj)
    for path, value in paths.items():
        *parents, last = path.split("__")
        target = found
        for parent in parents:
            target = target.setdefault(parent, {})
        if value is ...:
            target.pop(last, None)
        else:
            target[last] = value
    return found


def causes_of(status: int, answer: Obj) -> list[str]:
    """Of an Invalid as ``field: message``; of what is good none."""
    if status < 400:
        return []
    assert answer["reason"] == "Invalid", answer
    return [f"{cause['field']}: {cause['message']}" for cause in answer["details"]["causes"]]


def assert_begin(causes: list[str], wanted: list[str]) -> None:
    """As many causes as wanted, each with the beginning wanted of it."""
    assert len(causes) == len(wanted), causes
    for cause, beginning in zip(causes, wanted, strict=True):
        assert cause.startswith(beginning), cause


async def created(world: World, obj: Obj) -> Obj:
    status, answer = await world.ask("POST", collection(obj), obj)
    assert status == 201, answer
    return dict(answer)


def told(new: Obj, old: Obj | None = None, *, subresource: str = "") -> list[str]:
    """The causes for which ``new`` is refused: as a new object, or in place of ``old``."""
    found: list[str] = []

    async def test(world: World) -> None:
        if old is None:
            found.extend(causes_of(*await world.ask("POST", collection(new), new)))
            return
        await created(world, old)
        target = f"{collection(new)}/{old['metadata']['name']}{subresource and '/' + subresource}"
        found.extend(causes_of(*await world.ask("PUT", target, new)))

    in_world(test)
    return found


def after(new: Obj, old: Obj, *, subresource: str = "") -> Obj:
    """The object as it is when ``new`` was put in place of ``old``."""
    found: Obj = {}

    async def test(world: World) -> None:
        await created(world, old)
        target = f"{collection(new)}/{old['metadata']['name']}{subresource and '/' + subresource}"
        status, answer = await world.ask("PUT", target, new)
        assert status == 200, answer
        found.update(answer)

    in_world(test)
    return found
