"""Objects of every kind, made by chance from the schema table, through the whole server: it answers, in time, and
keeps nothing of what it refused or has deleted."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podo.api.kind import Kind
from podo.api.registry import all_kinds
from podo.api.schema import type_of
from tests.fuzz.asking import Asking
from tests.unit.apiserver.examples import FIELDS, example
from tests.unit.apiserver.test_bad_input import Maker
from tests.unit.apiserver.test_every_kind import collection

pytestmark = pytest.mark.fuzz
KINDS = [kind for kind in all_kinds() if "create" in kind.verbs and f"{kind.api_version}/{kind.kind}" in FIELDS]
FORMS = ("application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml")
#: What the process may keep in a round: caches fill, the allocator rounds up.
ROUND_BYTES = 8 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[Asking]:
    with Asking() as made:
        yield made


class Chancy(Maker):
    def chance(self) -> float:
        return self._random.random()


def made_up(kind: Kind, maker: Chancy, name: str) -> dict[str, Any]:
    named = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name, "labels": {"of": "fuzz"}}}
    return maker.object(type_of(kind.group, kind.version, kind.kind)) | named


def mixed(good: Any, odd: Any, maker: Chancy) -> Any:
    """A sound object with something odd here and there, so that it gets further than the first rule."""
    if isinstance(good, dict) and isinstance(odd, dict):
        found = {key: mixed(value, odd.get(key), maker) if key in odd else value for key, value in good.items()}
        return found | {key: value for key, value in odd.items() if key not in good and maker.chance() < 0.2}
    return odd if maker.chance() < 0.1 else good


def life(server: Asking, kind: Kind, seed: int) -> None:
    """An object that may be made, is changed in every form, read, and removed."""
    maker, target = Chancy(seed), collection(kind)
    good = example(kind)
    good["metadata"] = {**good["metadata"], "labels": {"of": "fuzz"}}
    one = f"{target}/{good['metadata']['name']}"
    odd = made_up(kind, maker, good["metadata"]["name"])
    server.ask("POST", target, odd)
    server.ask("POST", target, mixed(good, odd, maker))
    server.ask("POST", target, good)
    for form in FORMS:
        for part in ("", "/status") if kind.has_status else ("",):
            change = mixed(good, made_up(kind, maker, good["metadata"]["name"]), maker)
            server.ask("PATCH", f"{one}{part}?fieldManager=fuzz&force={str('apply' in form).lower()}", change,
                       content_type=form)  # fmt: skip
    _, found = server.ask("GET", one)
    if isinstance(found, dict) and found.get("kind") == kind.kind:
        server.ask("PUT", one, mixed(found, odd, maker))
    server.ask("GET", f"{target}?labelSelector=of%3Dfuzz")
    remove(server, one)


def remove(server: Asking, one: str) -> None:
    server.ask("DELETE", one, {"gracePeriodSeconds": 0})
    patch = {"metadata": {"finalizers": None}}
    server.ask("PATCH", one, patch, content_type=FORMS[0])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.qualified}-{kind.version}")
def test_whatever_is_sent_is_answered(server: Asking, kind: Kind) -> None:
    @settings(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32))
    def one(seed: int) -> None:
        life(server, kind, seed)

    one()


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_does_not_grow() -> None:
    with Asking() as server:
        for seed in range(2):  # caches fill
            for kind in KINDS:
                life(server, kind, seed)
        sizes = []
        for seed in range(10, 13):
            for kind in KINDS:
                life(server, kind, seed)
            server.run(server.world.store.compact(server.world.store.revision))
            gc.collect()
            sizes.append(resident())
        assert sizes[-1] - sizes[0] < 2 * ROUND_BYTES, sizes
