"""Encryption at rest: what the database file shows, which keys open it, and changing keys."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.api.encoding import stamp
from podo.apiserver.app import ApiServer
from podo.apiserver.backend import Config as ServerConfig
from podo.apiserver.local import LocalClient
from podo.cluster import encryption
from podo.cluster.config import Config
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.storage.contract import CannotOpen
from podo.storage.sealing import SealingProblem, parse
from podo.storage.sqlite import SqliteStore

SECRET, OTHER = "/core/secrets/default/s", "/core/configmaps/default/c"


def key(name: str, byte: int = 1) -> dict[str, str]:
    return {"name": name, "secret": base64.b64encode(bytes([byte]) * 32).decode()}


def config(*keys: dict[str, str], plain: bool = False, first_plain: bool = False, resource: str = "secrets") -> bytes:
    providers: list[Any] = [{"aesgcm": {"keys": list(keys)}}] if keys else []
    if plain:
        providers = [{"identity": {}}, *providers] if first_plain else [*providers, {"identity": {}}]
    rules = [{"resources": [resource], "providers": providers}]
    return json.dumps({"kind": "EncryptionConfiguration", "resources": rules}).encode()


def value(text: str) -> bytes:
    return b'{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"a":"%b"}}' % text.encode()


async def opened(path: Path, document: bytes | None) -> SqliteStore:
    store = SqliteStore(path, stamp, sealing=parse(document, "test") if document else None)
    await store.open()
    return store


def raw(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir() if path.is_file())


def test_the_file_shows_nothing_of_a_secret(tmp_path: Path) -> None:
    async def run() -> None:
        store = await opened(tmp_path / "store.db", config(key("one")))
        await store.create(SECRET, value("geheim"))
        await store.update(SECRET, value("geheimer"))
        await store.create(OTHER, value("offen"))
        record = await store.get(SECRET)
        assert record is not None and b"geheimer" in record.value
        watched = store.watch("/core/secrets/", after=1).take()
        assert b"geheim" in watched[0].record.value
        assert b"geheim" not in raw(tmp_path) and b"offen" in raw(tmp_path)
        assert b"k8s:enc:aesgcm:v1:one:" in raw(tmp_path)
        await store.close()
        assert b"geheim" not in raw(tmp_path)
        again = await opened(tmp_path / "store.db", config(key("two", 2), key("one")))
        found = await again.get(SECRET)
        assert found is not None and found == record
        await again.close()

    asyncio.run(run())


def test_what_another_key_has_sealed_is_outdated_until_it_is_written(tmp_path: Path) -> None:
    async def run() -> None:
        store = await opened(tmp_path / "store.db", config(key("one")))
        for name in (SECRET, OTHER):
            await store.create(name, value("geheim"))
            assert not await store.is_outdated(name)
        await store.close()
        again = await opened(tmp_path / "store.db", config(key("two", 2), key("one")))
        assert await again.is_outdated(SECRET) and not await again.is_outdated(OTHER)
        await again.update(SECRET, value("geheim"))
        assert not await again.is_outdated(SECRET)
        await again.close()
        plain = await opened(tmp_path / "store.db", config(key("two", 2), key("one"), plain=True, first_plain=True))
        assert await plain.is_outdated(SECRET) and not await plain.is_outdated(OTHER)
        await plain.close()

    asyncio.run(run())


def test_a_write_that_changes_nothing_renews_the_seal(tmp_path: Path) -> None:
    async def served(*keys: dict[str, str]) -> tuple[SqliteStore, LocalClient]:
        store = await opened(tmp_path / "store.db", config(*keys))
        server = ApiServer(store, SystemClock(), Chance(1), ServerConfig())
        await server.start()
        return store, LocalClient(server)

    async def run() -> None:
        store, client = await served(key("one"))
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}}
        made = await client.create(secret)
        assert await client.update(made) == made
        await store.close()
        store, client = await served(key("two", 2), key("one"))
        renewed = await client.update(made)
        assert renewed["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
        assert await client.update(renewed) == renewed
        await store.close()
        store, client = await served(key("two", 2), key("one"))
        assert not await store.is_outdated(SECRET)
        await store.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (None, "there is no encryption configuration"),
        (config(key("two", 2)), "is encrypted with the key 'one', which is missing"),
        (config(key("one", 2)), "does not open with the key 'one'"),
        (config(plain=True), "is encrypted with the key 'one', which is missing"),
    ],
)
def test_without_its_key_a_store_does_not_open(tmp_path: Path, document: bytes | None, why: str) -> None:
    async def run() -> None:
        store = await opened(tmp_path / "store.db", config(key("one")))
        await store.create(SECRET, value("geheim"))
        await store.close()
        with pytest.raises(CannotOpen, match=why) as refused:
            await opened(tmp_path / "store.db", document)
        assert "geheim" not in str(refused.value)

    asyncio.run(run())


def test_plain_values_are_read_where_identity_says_so_only(tmp_path: Path) -> None:
    async def run() -> None:
        store = await opened(tmp_path / "store.db", None)
        await store.create(SECRET, value("offen"))
        await store.close()
        with pytest.raises(CannotOpen, match="stored plain"):
            await opened(tmp_path / "store.db", config(key("one")))
        store = await opened(tmp_path / "store.db", config(key("one"), plain=True))
        assert await store.get(SECRET)
        await store.close()

    asyncio.run(run())


def test_everything_is_sealed_anew_and_old_forms_go(tmp_path: Path) -> None:
    async def run() -> None:
        store = await opened(tmp_path / "store.db", config(key("one")))
        for number in range(600):
            await store.create(f"/core/secrets/default/s{number}", value(f"geheim {number}"))
        watch = store.watch("/core/secrets/")
        assert await store.reseal(parse(config(key("two", 2), key("one")), "test")) == 600
        assert len(watch.take()) == 600
        await store.close()
        only_new = await opened(tmp_path / "store.db", config(key("two", 2)))
        found = await only_new.range("/core/secrets/")
        assert len(found.records) == 600 and b"geheim" in found.records[7].value
        await only_new.close()

    asyncio.run(run())


def test_nothing_of_the_old_forms_is_left_in_any_file(tmp_path: Path) -> None:
    """Plain values, those under a former key, and values of deleted Secrets: neither in free pages nor in the log."""

    async def run() -> None:
        path = tmp_path / "store.db"
        plain = await opened(path, None)
        for number in range(300):
            await plain.create(f"/core/secrets/default/s{number}", value(f"geheim {number} " + "x" * 700))
        await plain.delete("/core/secrets/default/s7")
        await plain.close()
        assert b"geheim" in files(tmp_path)
        store = await opened(path, config(key("one"), plain=True))
        await store.reseal(parse(config(key("one")), "test"))
        assert b"geheim" not in files(tmp_path)
        old = [record.key for record in (await store.range("/core/secrets/")).records]
        assert len(old) == 299 and b":one:" in files(tmp_path)
        await store.reseal(parse(config(key("two", 2), key("one")), "test"))
        assert b":one:" not in files(tmp_path) and b":two:" in files(tmp_path)
        await store.close()
        assert b"geheim" not in files(tmp_path) and b":one:" not in files(tmp_path)

    asyncio.run(run())


def files(directory: Path) -> bytes:
    """Every byte that the store has on disk, its log included."""
    return b"".join(file.read_bytes() for file in sorted(directory.iterdir()))


def test_a_value_cannot_be_moved_to_another_key() -> None:
    sealing = parse(config(key("one")), "test")
    sealed = sealing.seal(SECRET, b"{}")
    assert sealing.open(SECRET, sealed) == b"{}"
    with pytest.raises(SealingProblem, match="moved"):
        sealing.open(SECRET + "2", sealed)


@given(st.binary(max_size=200), st.integers(min_value=0, max_value=300))
def test_what_is_changed_does_not_open(plain: bytes, place: int) -> None:
    sealing = parse(config(key("one")), "test")
    sealed = bytearray(sealing.seal(SECRET, b"{" + plain))
    assert sealing.open(SECRET, bytes(sealed)) == b"{" + plain
    sealed[place % len(sealed)] ^= 1
    with pytest.raises(SealingProblem):
        sealing.open(SECRET, bytes(sealed))


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"[", "neither JSON nor YAML"),
        (b"kind: Pod", "must be an EncryptionConfiguration"),
        (config({"name": "a", "secret": "AAAA"}), "must have 16, 24 or 32 bytes"),
        (config({"name": "a", "secret": "%%"}), "not base64"),
        (config(key("a"), key("a")), "there twice"),
        (config(), "names no resource or no provider"),
        (config(key("a"), resource="*"), "use '\\*.' for the core group"),
        (b'{"kind":"EncryptionConfiguration","resources":[{"resources":["secrets"],"providers":[{"kms":{}}]}]}', "kms"),
        (b'{"kind":"EncryptionConfiguration","resources":7}', "must be lists"),
    ],
)
def test_configurations_that_cannot_be_used(document: bytes, why: str) -> None:
    with pytest.raises(SealingProblem, match=why):
        parse(document, "the file")


def test_resources_by_name_and_by_star() -> None:
    for resource, sealed, plain in (
        ("*.apps", "/apps/deployments/d/x", SECRET),
        ("*.", SECRET, "/apps/deployments/d/x"),
        ("*.*", "/any/things/x", ""),
        ("things.example.com", "/example.com/things/x", SECRET),
    ):
        sealing = parse(config(key("one"), resource=resource), "test")
        assert sealing.seal(sealed, b"{}") != b"{}"
        if plain:
            assert sealing.seal(plain, b"{}") == b"{}"


def test_a_new_cluster_gets_a_key_of_its_own(tmp_path: Path) -> None:
    cluster = Config("test", str(tmp_path))
    encryption.ensure(cluster)
    file = encryption.path(cluster)
    assert file.stat().st_mode & 0o777 == 0o600
    before = encryption.load(cluster)
    assert before is not None and before.seal(SECRET, b"{}").startswith(b"k8s:enc:aesgcm:v1:key-1:")
    with pytest.raises(SealingProblem, match="stored plain"):
        before.open(SECRET, b"{}")
    assert encryption.add_key(cluster) == "key-2"
    after = encryption.load(cluster)
    assert after is not None and after.seal(SECRET, b"{}").startswith(b"k8s:enc:aesgcm:v1:key-2:")
    assert after.open(SECRET, before.seal(SECRET, b"{}")) == b"{}"


def test_an_old_cluster_stays_plain_until_it_is_asked(tmp_path: Path) -> None:
    cluster = Config("test", str(tmp_path))
    cluster.layout.store.touch()
    encryption.ensure(cluster)
    assert encryption.load(cluster) is None
    encryption.add_key(cluster)
    sealing = encryption.load(cluster)
    assert sealing is not None and sealing.open(SECRET, b"{}") == b"{}" and sealing.seal(SECRET, b"{}") != b"{}"
