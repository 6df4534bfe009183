"""Whatever a client sends, it is told what is wrong: never a 500, and nothing is lost."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api import registry
from podo.api.kind import Kind
from podo.api.schema import Shape, Type, type_of
from tests.unit.apiserver.world import TABLE, World, pod

ODD: list[Any] = [None, True, 0, -1, 2**63, 1.5, "", "x", [], {}, [None], [{}], {"a": None}, {"a": {}}]
NUMBERS = [0, 1, -1, 80, 30000, 2**31 - 1]
TEXTS = [
    "",
    "x",
    "web",
    "A_b",
    "TCP",
    "Always",
    "NodePort",
    "default",
    "None",
    "10.96.0.1",
    "example.com/a",
    "$(A)",
    "../x",
]
BY_FORM: dict[str, list[Any]] = {
    "string": TEXTS,
    "bool": [True, False],
    "int32": NUMBERS,
    "int64": NUMBERS,
    "double": [0.5],
    "quantity": ["1", "0", "-1", "100m", "1Gi", 2],
    "int-or-string": [*NUMBERS, "http", "50%", "x%"],
    "time": ["2026-01-01T00:00:00Z", None],
    "micro-time": ["2026-01-01T00:00:00.000000Z"],
    "byte": ["", "YQ=="],
}


class Maker:
    """Objects of a type: most fields left out, most values of the right type, some odd."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def object(self, type_: Type, depth: int = 6) -> dict[str, Any]:
        chance = self._random
        likely = 0.8 if len(type_.fields) < 6 else 0.25
        names = [n for n in type_.fields if chance.random() < (0.95 if n in (*type_.required, "spec") else likely)]
        return {name: self.value(type_.fields[name].shape, depth - 1) for name in names}

    def value(self, shape: Shape, depth: int) -> Any:
        chance = self._random
        if chance.random() < 0.01:
            return chance.choice(ODD)
        if shape.form == "list" and shape.item:
            return [self.value(shape.item, depth) for _ in range(chance.choice([0, 1, 1, 2]))]
        if shape.form == "map" and shape.item:
            return {chance.choice(TEXTS[1:]): self.value(shape.item, depth) for _ in range(chance.choice([0, 1, 2]))}
        if shape.type is not None:
            return self.object(shape.type, depth) if depth > 0 else {}
        return chance.choice(BY_FORM.get(shape.form, ODD))


def path_of(kind: Kind) -> str:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    return f"{root}/namespaces/default/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(registry.all_kinds()))
def test_no_object_breaks_the_server(seed: int, kind: Kind) -> None:
    async def test() -> None:
        maker = Maker(seed)
        type_ = type_of(kind.group, kind.version, kind.kind)
        world = await World().start()
        target = path_of(kind)
        obj = maker.object(type_) | {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "x"}}
        status, answer = await world.ask("POST", target, obj)
        assert status < 500, answer
        if status == 201:
            for media in ("merge-patch", "strategic-merge-patch"):
                for part in ("", "/status") if kind.has_status else ("",):
                    change = {
                        **maker.object(type_),
                        "metadata": None,
                        "apiVersion": kind.api_version,
                        "kind": kind.kind,
                    }
                    del change["metadata"]
                    content_type = f"application/{media}+json"
                    status, answer = await world.ask("PATCH", f"{target}/x{part}", change, content_type=content_type)
                    assert status < 500, answer
            assert (await world.ask("GET", target, accept=TABLE))[0] == 200
            assert (await world.ask("DELETE", f"{target}/x"))[0] == 200

    asyncio.run(test())


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**32), st.sampled_from(["merge-patch", "strategic-merge-patch"]), st.sampled_from(["", "/status"])
)
def test_a_refused_patch_changes_nothing(seed: int, media: str, part: str) -> None:
    async def test() -> None:
        world = await World().start()
        made = await world.client.create(pod("web"))
        change = Maker(seed).object(type_of("", "v1", "Pod"))
        target = f"/api/v1/namespaces/default/pods/web{part}"
        status, answer = await world.ask("PATCH", target, change, content_type=f"application/{media}+json")
        assert status < 500, answer
        after = await world.client.get("Pod", "web", "default")
        assert after["metadata"]["uid"] == made["metadata"]["uid"]
        assert status == 200 or after == made
        assert (await world.ask("GET", "/api/v1/pods", accept=TABLE))[0] == 200

    asyncio.run(test())


def test_forms_that_are_not_spoken_are_refused_with_those_that_are() -> None:
    async def test() -> None:
        world = await World().start()
        spoken = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        for media in ("application/cbor", "text/html"):
            status, answer = await world.ask("GET", "/api/v1/pods", accept=media)
            assert (status, answer["message"]) == (406, f"only the following media types are accepted: {spoken}")
        status, answer = await world.ask("POST", "/api/v1/namespaces/default/pods", b"x", content_type="text/plain")
        why = f"the body of the request was in an unknown format - accepted media types include: {spoken}"
        assert (status, answer["message"]) == (415, why)

    asyncio.run(test())
