"""Whose credentials opened an image that is on this node: a pod without them does not get it for nothing.

Every pull leaves a record: anybody on the node may use the image (it was pulled without credentials), or pods that have
the Secrets with which it was. An image without a record was put here by an administrator: everybody's
(imagePullCredentialsVerificationPolicy NeverVerifyPreloadedImages, the default). KEP-2535.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from podo.node.pullsecrets import Login
from podo.runtime.log import Logger

log = Logger("podo.node.pulledimages")

Record = dict[str, Any]
#: Secrets remembered of one image; beyond them a pod's credentials are asked of the registry again.
MOST_SECRETS = 100


@dataclass(frozen=True, slots=True)
class _Places:
    """``pulled``: a file an image, by its id; ``pulling``: one a name that is being pulled."""

    pulled: Path
    pulling: Path


class PulledImages:
    """``directory``: where the records are kept; without one (simulated nodes) they are in memory only."""

    def __init__(self, directory: Path | None = None) -> None:
        self._places = _Places(directory / "pulled", directory / "pulling") if directory else None
        self._records: dict[str, Record] = {}
        self._pulling: dict[str, int] = {}  # name -> pulls under way
        self._read()

    def _read(self) -> None:
        if self._places is None:
            return
        for path in (self._places.pulled, self._places.pulling):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in self._places.pulled.glob("*.json"):
            try:
                record = orjson.loads(file.read_bytes())
                self._records[record["imageRef"]] = record
            except (ValueError, KeyError, TypeError, OSError):
                log.warning("a record of a pulled image is unreadable: the image's pull is verified", file=str(file))
        for file in self._places.pulling.iterdir():  # cut off by the end of the agent
            with suppress(OSError, ValueError):
                self._pulling[file.read_text()] = 0

    def needs_check(self, name: str, image_id: str) -> bool:
        """Was the image pulled by this node with credentials, so that a pod must have them?"""
        record = self._records.get(image_id)
        if record is None:
            return name in self._pulling
        known = record["credentialMapping"].get(repository(name))
        return known is None or not known.get("nodePodsAccessible")

    def opens(self, name: str, image_id: str, logins: Sequence[Login]) -> bool:
        """Do a pod's credentials open the image, as they did once? By what they say, or by the Secret they are in."""
        record = self._records.get(image_id)
        known = ((record or {}).get("credentialMapping") or {}).get(repository(name)) or {}
        for login in logins:
            for secret in known.get("kubernetesSecrets") or ():
                same_content = secret.get("credentialHash") == login.digest
                if same_content or (secret["uid"], secret["namespace"], secret["name"]) == login.secret:
                    if (secret["uid"], secret["namespace"], secret["name"]) != login.secret or not same_content:
                        self.succeeded(name, image_id, login)
                    return True
        return False

    # Pulls

    def begins(self, name: str) -> None:
        """A pull is noted before it is done: what it leaves, should it be cut off, belongs to nobody yet."""
        self._pulling[name] = self._pulling.get(name, 0) + 1
        if self._places:
            _write(self._places.pulling / _hashed(name), name.encode())

    def ends(self, name: str) -> None:
        left = self._pulling.get(name, 0) - 1
        if left > 0:
            self._pulling[name] = left
            return
        self._pulling.pop(name, None)
        if self._places:
            (self._places.pulling / _hashed(name)).unlink(missing_ok=True)

    def succeeded(self, name: str, image_id: str, login: Login | None) -> None:
        """An image was pulled, with a pod's credentials or with none."""
        old = self._records.get(image_id) or {"imageRef": image_id, "credentialMapping": {}}
        known = old["credentialMapping"].get(repository(name)) or {}
        if known.get("nodePodsAccessible"):
            return
        new = {"nodePodsAccessible": True} if login is None else {"kubernetesSecrets": _with(known, login)}
        if new != known:
            record = {**old, "credentialMapping": {**old["credentialMapping"], repository(name): new}}
            self._records[image_id] = record
            if self._places:
                _write(self._places.pulled / f"{_hashed(image_id)}.json", orjson.dumps(record))

    def prune(self, image_ids: Collection[str]) -> None:
        """Forget images that are not on the node any more."""
        for image_id in [image_id for image_id in self._records if image_id not in image_ids]:
            del self._records[image_id]
            if self._places:
                (self._places.pulled / f"{_hashed(image_id)}.json").unlink(missing_ok=True)


def repository(name: str) -> str:
    """``registry.local:5000/web:1@sha256:…`` gives ``registry.local:5000/web``."""
    name = name.partition("@")[0]
    host, slash, rest = name.rpartition("/")
    return host + slash + rest.partition(":")[0]


def _with(known: Record, login: Login) -> list[Record]:
    uid, namespace, name = login.secret
    mine = {"uid": uid, "namespace": namespace, "name": name, "credentialHash": login.digest}
    others = [
        each
        for each in known.get("kubernetesSecrets") or ()
        if (each["uid"], each["namespace"], each["name"]) != login.secret
    ]
    return [*others[-MOST_SECRETS + 1 :], mine]


def _hashed(text: str) -> str:
    return f"sha256-{hashlib.sha256(text.encode()).hexdigest()}"


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as stream:
        stream.write(content)
    fresh.rename(path)
