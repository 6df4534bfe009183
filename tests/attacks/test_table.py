"""Every row of the table of attacks: it is tried, and it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks import (
    bombs,
    credentials,
    identities,
    nodes,
    objects,
    proxies,
    records,
    requests,
    rights,
    tenants,
    wire,
    workloads,
)
from tests.attacks.table import ATTACKS, Arena
from tests.pki import Pki
from tests.unit.apiserver.world import World, in_world

ROOMS = (
    *(bombs, credentials, identities, nodes, objects, proxies),
    *(records, requests, rights, tenants, wire, workloads),
)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(Path(tmp_path_factory.mktemp("pki")))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")  # old versions are what one row tries
@pytest.mark.parametrize("what", ATTACKS)
def test_the_attack_fails(what: str, pki: Pki, tmp_path: Path) -> None:
    async def tried(world: World) -> None:
        try:
            await ATTACKS[what].attempt(Arena(world, pki, tmp_path))
        finally:
            await world.server.close()

    in_world(tried)


def test_there_is_a_row_for_each_class_and_each_says_what_it_stands_for() -> None:
    assert len(ATTACKS) >= 140
    assert all(row.stands_for and row.with_ for row in ATTACKS.values())
    tried = {row.attempt.__module__ for row in ATTACKS.values()}
    assert tried == {room.__name__ for room in ROOMS}
