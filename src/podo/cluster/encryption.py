"""The cluster's encryption at rest: the file with its keys, made with a new cluster; new keys; and sealing anew.

``encryption.json`` in the data directory is an EncryptionConfiguration of mode 0600. It guards copies of the database
(backups, disks, snapshots), not a machine whose root reads the key beside it. A cluster that was made without the file
stays without until ``podo secrets reencrypt --new-key``.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any

from podo.api.configuration import ConfigurationProblem
from podo.cluster.config import Config
from podo.cluster.layout import write_atomically
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks
from podo.storage.contract import Store
from podo.storage.sealing import Sealing, SealingProblem, parse

_KEY_BYTES = 32
_KIND = {"kind": "EncryptionConfiguration", "apiVersion": "apiserver.config.k8s.io/v1"}
log = Logger("podo.encryption")


def path(config: Config) -> Path:
    return Path(config.data_dir) / "encryption.json"


def report_path(config: Config) -> Path:
    """What the server has sealed last: ``{"config": fingerprint, "objects": count}`` or with ``problem``."""
    return config.layout.run / "encryption-done.json"


def ensure(config: Config) -> None:
    """A new durable cluster encrypts its Secrets under a key of its own."""
    if config.store == "sqlite" and not path(config).exists() and not config.layout.store.exists():
        _write(config, {**_KIND, "resources": [{"resources": ["secrets"], "providers": [{"aesgcm": {"keys": []}}]}]})
        add_key(config)


def load(config: Config) -> Sealing | None:
    """Raises SealingProblem, which names the file."""
    try:
        return parse(path(config).read_bytes(), str(path(config)))
    except FileNotFoundError:
        return None


def add_key(config: Config) -> str:
    """Write a new key before the others, which go on reading. Its name. Raises SealingProblem."""
    document = _document(config)
    rule = next((rule for rule in document["resources"] if "secrets" in rule["resources"]), None)
    if rule is None:
        raise SealingProblem(f"{path(config)} has no rule for secrets")
    providers = rule["providers"]
    first = next((one["aesgcm"] for one in providers if "aesgcm" in one), None)
    if first is None:
        first = {"keys": []}
        providers.insert(0, {"aesgcm": first})
    names = {key["name"] for key in first["keys"]}
    name = next(f"key-{number}" for number in range(1, len(names) + 2) if f"key-{number}" not in names)
    secret = base64.b64encode(os.urandom(_KEY_BYTES)).decode()
    first["keys"].insert(0, {"name": name, "secret": secret})
    _write(config, document)
    return name


def _write(config: Config, document: Any) -> None:
    write_atomically(path(config), json.dumps(document, indent=2).encode() + b"\n")


def _document(config: Config) -> Any:
    """The configuration as it is; for none, one that reads plain Secrets."""
    try:
        return json.loads(path(config).read_bytes())
    except FileNotFoundError:
        rule = {"resources": ["secrets"], "providers": [{"identity": {}}]}
        return {**_KIND, "resources": [rule]}
    except ValueError:
        raise SealingProblem(f"{path(config)} is not JSON: add the key by hand") from None


def fingerprint(config: Config) -> str:
    return hashlib.sha256(path(config).read_bytes()).hexdigest()


def reread(config: Config, store: Store) -> None:
    """Seal by the file as it is now. Raises ConfigurationProblem and OSError."""
    from podo.storage.sqlite import SqliteStore

    try:
        sealing = load(config)
        if sealing is None or not isinstance(store, SqliteStore):
            raise SealingProblem(f"{path(config)} is gone, or this cluster's store is not one that is encrypted")
        store.seal_by(sealing)
    except SealingProblem as problem:
        raise ConfigurationProblem(str(problem)) from problem


class Resealing:
    """In the server's process: on SIGHUP read the file again and seal everything by it."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config, self._store = config, store
        self._tasks = Tasks("encryption")
        self._wanted = asyncio.Event()

    def start(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._wanted.set)
        self._tasks.spawn(self._serve(), "reseal")

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _serve(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                report = await self._reseal()
            except (SealingProblem, OSError) as problem:
                log.error("not encrypted anew", why=str(problem))
                report = {"problem": str(problem)}
            write_atomically(report_path(self._config), json.dumps(report).encode())

    async def _reseal(self) -> dict[str, Any]:
        from podo.storage.sqlite import SqliteStore

        before = fingerprint(self._config)
        sealing = load(self._config)
        if sealing is None or not isinstance(self._store, SqliteStore):
            return {"problem": "this cluster's store is not one that is encrypted"}
        count = await self._store.reseal(sealing)
        log.info("encrypted anew", objects=count)
        return {"config": before, "objects": count}
