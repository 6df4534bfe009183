"""What the API of a World explains to a user."""

from __future__ import annotations

from typing import Any

import orjson

from podo.api import registry
from podo.cluster.why.answering import text_of
from podo.http.message import Peer, Response
from podo.lab import World
from tests.unit.apiserver.world import ADMIN, Asked
from tests.unit.apiserver.world import text_of as body_of


def explanation(
    world: World, kind: str, name: str, namespace: str = "default", *, who: bytes = ADMIN
) -> tuple[int, Any]:
    """The status and the document of ``GET /apis/why.podo.dev/v1/...``."""
    known = registry.named(kind)
    within = f"namespaces/{namespace}/" if known.namespaced else ""
    target = f"/apis/why.podo.dev/v1/{within}{known.plural}/{name}"
    answer = world.run(world.simulation.api.handle(Asked("GET", target, b"", {}, Peer("127.0.0.1:1", who))))
    assert isinstance(answer, Response)
    return answer.status, orjson.loads(body_of(answer))


def told(world: World, kind: str, name: str, namespace: str = "default") -> str:
    """As ``podo why`` prints it."""
    status, found = explanation(world, kind, name, namespace)
    assert status == 200, found
    return text_of(found)
