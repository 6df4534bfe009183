"""Encryption at rest: values of chosen resources are unreadable in the store's file, by AES-GCM under named keys.

A sealed value is ``k8s:enc:aesgcm:v1:NAME:`` (upstream's envelope), a nonce of 12 bytes and what AES-GCM gives; the
store's key is authenticated with it, so a value moved to another key does not open. Memory holds plain values.

Source: "Encrypting Confidential Data at Rest" of the Kubernetes documentation. As it says, a key with chance nonces
should be replaced long before 2^32 writes.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podo.api import configuration
from podo.storage.contract import StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from podo.storage.logfile import Row

ENVELOPE = b"k8s:enc:"
_AESGCM = ENVELOPE + b"aesgcm:v1:"
_NONCE = 12
_KEY_BYTES = (16, 24, 32)
_MOST_KEYS = 64


class SealingProblem(StoreError):
    """A configuration that cannot be used, or a value that cannot be opened; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How values of some resources are kept. ``prefixes``: of their keys. ``writer``: the name of the key that seals,
    "" for plain. ``keys``: those that open. ``reads_plain``: are plain values believed?"""

    prefixes: tuple[str, ...]
    writer: str
    keys: dict[str, AESGCM]
    reads_plain: bool


class Sealing:
    """The rules in order; the first that covers a key decides, and a key that none covers is kept plain."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self.prefixes = tuple(dict.fromkeys(prefix for rule in rules for prefix in rule.prefixes))

    def _rule(self, key: str) -> Rule | None:
        if not key.startswith(self.prefixes):
            return None
        return next((rule for rule in self._rules if key.startswith(rule.prefixes)), None)

    def seal(self, key: str, value: bytes) -> bytes:
        """What is written to the file."""
        rule = self._rule(key)
        if rule is None or not rule.writer:
            return value
        return _sealed(key, value, rule.writer, rule.keys[rule.writer])

    def open(self, key: str, stored: bytes) -> bytes:
        """The plain value. Raises SealingProblem."""
        rule = self._rule(key)
        if not stored.startswith(ENVELOPE):
            if rule is not None and not rule.reads_plain:
                raise SealingProblem(f"{key} is stored plain, which the encryption configuration does not allow")
            return stored
        if not stored.startswith(_AESGCM):
            raise SealingProblem(f"{key} is encrypted by a provider that podo does not have")
        name, _, sealed = stored[len(_AESGCM) :].partition(b":")
        known = self._all_keys(rule).get(name.decode(errors="replace"))
        if known is None:
            raise SealingProblem(f"{key} is encrypted with the key {name.decode(errors='replace')!r}, which is missing")
        from cryptography.exceptions import InvalidTag

        try:
            return known.decrypt(sealed[:_NONCE], sealed[_NONCE:], key.encode())
        except (InvalidTag, ValueError):
            raise SealingProblem(f"{key} does not open with the key {name.decode()!r}: damaged, or moved") from None

    def unreadable(self, former: Sealing) -> str:
        """Why this cannot read everything that may have been stored under ``former``; "" if it can."""
        for rule in former._rules:
            for prefix in rule.prefixes:
                for name, key in rule.keys.items():
                    try:
                        self.open(prefix, _sealed(prefix, b"{}", name, key))
                    except SealingProblem as problem:
                        return str(problem)
        for prefix in self.prefixes:
            was = former._rule(prefix)
            now = self._rule(prefix)
            if (was is None or was.reads_plain) and now is not None and not now.reads_plain:
                return f"{prefix} may be stored plain, which the encryption configuration does not allow"
        return ""

    def is_outdated(self, key: str, stored: bytes) -> bool:
        """Is it sealed otherwise than ``seal`` would now?"""
        rule = self._rule(key)
        wanted = b"%b%b:" % (_AESGCM, rule.writer.encode()) if rule is not None and rule.writer else b""
        return not stored.startswith(wanted) or (not wanted and stored.startswith(ENVELOPE))

    def _all_keys(self, rule: Rule | None) -> dict[str, AESGCM]:
        return rule.keys if rule else {name: key for one in self._rules for name, key in one.keys.items()}

    def opened(self, rows: Iterable[Row], outdated: set[str]) -> Iterator[Row]:
        """Rows of a file with plain values; into ``outdated`` the keys whose newest value is sealed otherwise than it
        would be now."""
        for row in rows:
            if row.value is not None and self.is_outdated(row.key, row.value):
                outdated.add(row.key)
            else:
                outdated.discard(row.key)
            yield row if row.value is None else row._replace(value=self.open(row.key, row.value))


def _sealed(key: str, value: bytes, name: str, secret: AESGCM) -> bytes:
    nonce = os.urandom(_NONCE)  # must never repeat, so it comes from no seed
    return b"%b%b:%b%b" % (_AESGCM, name.encode(), nonce, secret.encrypt(nonce, value, key.encode()))


def without_keys(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows of a file that should hold plain values only. Raises SealingProblem."""
    for row in rows:
        if row.value is not None and row.value.startswith(ENVELOPE):
            raise SealingProblem(f"{row.key} is encrypted, and there is no encryption configuration")
        yield row


def parse(document: bytes, where: str) -> Sealing:
    """An EncryptionConfiguration in JSON or YAML. Raises SealingProblem naming what is wrong, never a secret."""
    found = configuration.document(document, where, "EncryptionConfiguration", (), SealingProblem)
    try:
        return Sealing([_parse_rule(rule, f"{where}: resources[{n}]") for n, rule in enumerate(found["resources"])])
    except (KeyError, TypeError, AttributeError):
        raise SealingProblem(f"{where}: resources and providers must be lists as the API reference has them") from None


def _parse_rule(rule: dict[str, Any], where: str) -> Rule:
    prefixes = tuple(_prefix(name, where) for name in rule["resources"])
    writer: str | None = None
    keys: dict[str, AESGCM] = {}
    plain = False
    for provider in rule["providers"]:
        ((name, settings),) = provider.items()
        if name == "identity":
            plain = True
            writer = "" if writer is None else writer
        elif name == "aesgcm":
            found = _parse_keys(settings["keys"], where)
            keys = {**found, **keys}
            writer = next(iter(found)) if writer is None else writer
        else:
            raise SealingProblem(f"{where}: provider {name!r} is not supported: aesgcm and identity are")
    if writer is None or not prefixes:
        raise SealingProblem(f"{where}: names no resource or no provider")
    return Rule(prefixes, writer, keys, plain)


def _parse_keys(keys: list[dict[str, str]], where: str) -> dict[str, AESGCM]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not 1 <= len(keys) <= _MOST_KEYS:
        raise SealingProblem(f"{where}: aesgcm takes 1 to {_MOST_KEYS} keys")
    found: dict[str, AESGCM] = {}
    for key in keys:
        name = key["name"]
        if not name or ":" in name or name in found:
            raise SealingProblem(f"{where}: key name {name!r} is empty, has a colon or is there twice")
        try:
            secret = base64.b64decode(key["secret"], validate=True)
        except ValueError:
            raise SealingProblem(f"{where}: the secret of key {name!r} is not base64") from None
        if len(secret) not in _KEY_BYTES:
            raise SealingProblem(f"{where}: the secret of key {name!r} must have 16, 24 or 32 bytes")
        found[name] = AESGCM(secret)
    return found


def _prefix(resource: str, where: str) -> str:
    """The store's prefix: ``/core/secrets/`` of ``secrets``; ``*.apps``, ``*.`` (core) and ``*.*`` stand for many."""
    plural, dot, group = resource.partition(".")
    if not plural:
        raise SealingProblem(f"{where}: {resource!r} is no resource")
    if plural == "*":
        if not dot:
            raise SealingProblem(f"{where}: {resource!r}: use '*.' for the core group or '*.*' for all")
        return "/" if group == "*" else f"/{group or 'core'}/"
    return f"/{group or 'core'}/{plural}/"
