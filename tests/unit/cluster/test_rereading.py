"""Configuration files that a running server takes up; one that cannot be used changes nothing and is told of."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.unit.apiserver.world import World, certificate

from podo.api.encoding import stamp
from podo.authz.settings import AuthorizationSettings
from podo.cluster import access, encryption
from podo.cluster.config import Config
from podo.cluster.rereading import Rereading
from podo.runtime.clock import SystemClock
from podo.storage.sealing import parse
from podo.storage.sqlite import SqliteStore

AUTHENTICATION = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: {enabled: %s}\n"
AUTHORIZATION = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers: [%s]\n"
NODE, RBAC = "{type: Node, name: node}", "{type: RBAC, name: rbac}"
SECRET = "/core/secrets/default/a"
ONE, TWO = (f"{{name: {name}, secret: {letter * 43}=}}" for name, letter in (("one", "A"), ("two", "B")))


def replace(file: Path, text: str) -> None:
    """As an administrator does: a new file in the place of the former."""
    new = file.with_name("new")
    new.write_text(text)
    os.utime(new, (file.stat().st_mtime + 1,) * 2 if file.exists() else None)
    new.replace(file)


def counted(rereading: Rereading) -> dict[str, float]:
    """Reloads by their status."""
    families = [one for one in rereading.families() if one.name.endswith("reloads_total")]
    return {sample.labels[1]: sample.value for one in families for sample in one.samples}


def with_world(test: Callable[[World, Config], Awaitable[None]], directory: Path, **config: object) -> None:
    async def run() -> None:
        await test(await World(**config).start(), Config("test", str(directory)))

    asyncio.run(run())


def test_authentication(tmp_path: Path) -> None:
    async def test(world: World, config: Config) -> None:
        file = access.authentication_path(config)
        file.write_text(AUTHENTICATION % "true")
        rereading = Rereading(SystemClock(), "test")
        take = lambda: world.server.access.authenticate_by(access.authentication_of(config))  # noqa: E731
        rereading.watch("authentication", file, take)
        assert (await world.ask("GET", "/version", who=None))[0] == 200
        replace(file, AUTHENTICATION % "false")
        rereading.check()
        assert (await world.ask("GET", "/version", who=None))[0] == 401
        replace(file, AUTHENTICATION % "perhaps")
        rereading.check()
        rereading.check()
        assert (await world.ask("GET", "/version", who=None))[0] == 401, "what was in force stays"
        file.unlink()
        rereading.check()
        assert (await world.ask("GET", "/version", who=None))[0] == 401
        assert counted(rereading) == {"success": 1.0, "failure": 2.0}
        page = {one.name for one in rereading.families()}
        assert "apiserver_authentication_config_controller_automatic_reload_last_timestamp_seconds" in page

    with_world(test, tmp_path)


def test_authorization(tmp_path: Path) -> None:
    async def test(world: World, config: Config) -> None:
        file = access.authorization_path(config)
        file.write_text(AUTHORIZATION % f"{NODE}, {RBAC}")
        rereading = Rereading(SystemClock(), "test")
        take = lambda: world.server.access.authorize_by(access.authorization_of(config))  # noqa: E731
        rereading.watch("authorization", file, take)
        replace(file, AUTHORIZATION % f"{RBAC}, {NODE}")
        rereading.check()
        replace(file, AUTHORIZATION % "{type: AlwaysAllow, name: all}")
        rereading.check()
        assert counted(rereading) == {"success": 1.0, "failure": 1.0}
        assert (await world.ask("GET", "/api/v1/secrets", who=certificate("jane")))[0] == 403

    order = AuthorizationSettings(("Node", "RBAC"))
    with_world(test, tmp_path, authorization=order)


def encrypted(*keys: str, plain: bool = False) -> str:
    providers = f"- aesgcm: {{keys: [{', '.join(keys)}]}}\n" + ("  - identity: {}\n" if plain else "")
    return f"kind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n  {providers}"


def test_encryption(tmp_path: Path) -> None:
    async def run() -> None:
        config = Config("test", str(tmp_path))
        file = encryption.path(config)
        file.write_text(encrypted(ONE))
        store = SqliteStore(tmp_path / "store.db", stamp, sealing=parse(file.read_bytes(), "test"))
        await store.open()
        await store.create(SECRET, b'{"metadata":{},"v":1}')
        rereading = Rereading(SystemClock(), "test")
        rereading.watch("encryption", file, lambda: encryption.reread(config, store))
        replace(file, encrypted(TWO))
        rereading.check()
        assert counted(rereading) == {"failure": 1.0}, "the key of what is stored must not go"
        await store.update(SECRET, b'{"metadata":{},"v":2}')
        replace(file, encrypted(TWO, ONE))
        rereading.check()
        assert counted(rereading) == {"failure": 1.0, "success": 1.0}
        assert await store.is_outdated(SECRET)
        await store.create(SECRET + "b", b'{"metadata":{}}')
        await store.close()
        stored = b"".join(one.read_bytes() for one in tmp_path.glob("store.db*"))
        assert b"v1:one:" in stored and b"v1:two:" in stored

    asyncio.run(run())


@pytest.mark.parametrize(
    ("former", "later", "why"),
    [
        (encrypted(ONE), encrypted(TWO), "'one', which is missing"),
        (encrypted(ONE, plain=True), encrypted(ONE), "stored plain"),
        (encrypted(ONE), encrypted(TWO, ONE), ""),
        (encrypted(ONE), encrypted(TWO, ONE, plain=True), ""),
        (encrypted(ONE), encrypted(ONE.replace("A", "B")), "does not open with the key 'one'"),
    ],
)
def test_what_is_stored_must_stay_readable(former: str, later: str, why: str) -> None:
    found = parse(later.encode(), "test").unreadable(parse(former.encode(), "test"))
    assert (why in found) if why else not found
