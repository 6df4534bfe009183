"""The keys of an issuer: found by OpenID discovery over HTTPS, kept, and fetched again when a token names a new one.

Source: OpenID Connect Discovery 1.0, section 4.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import orjson

from podo.authn.jwt.signatures import Key, keys_of
from podo.authn.jwt.wire import Issuer
from podo.http.client import HttpPool, NoAnswer
from podo.http.tls import client_context
from podo.runtime.clock import Clock

#: Keys are asked for no more often than this, however many tokens name unknown ones.
PAUSE_SECONDS = 10.0
#: Known keys are taken for good no longer than this without asking whether they are still published; while the issuer
#: does not answer, they are.
KEPT_SECONDS = 3600.0
FETCH_SECONDS = 10.0
DOCUMENT_LIMIT = 1 << 20
_WELL_KNOWN = "/.well-known/openid-configuration"


class NoKeys(Exception):
    """The issuer's keys cannot be had; the message says why."""


class KeySet:
    """The keys of one issuer. Redirects are not followed."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._keys: list[Key] = []
        self._fetched = self._tried = float("-inf")
        self._turn = asyncio.Lock()
        self._tls: Any = None

    async def keys(self, unknown: str = "") -> list[Key]:
        """The keys. ``unknown``: an id that was not among them, which they are asked for again. Raises NoKeys."""
        if self._is_fresh(unknown):
            return self._keys
        async with self._turn:  # who waited finds what the first has fetched
            if not self._is_fresh(unknown) and self._clock.monotonic() - self._tried >= PAUSE_SECONDS:
                self._tried = self._clock.monotonic()
                try:
                    await self._fetch()
                except NoKeys:
                    if not self._has(unknown):  # else what is known is good until the issuer says something else
                        raise
        if not self._keys:
            raise NoKeys(f"the keys of {self._issuer.url} are not there yet")
        return self._keys

    def _is_fresh(self, unknown: str) -> bool:
        old = self._clock.monotonic() - self._fetched > KEPT_SECONDS
        return not old and self._has(unknown)

    def _has(self, name: str) -> bool:
        return bool(self._keys) and (not name or any(key.id == name for key in self._keys))

    async def _fetch(self) -> None:
        try:
            found = await self._get(self._issuer.discoveryURL or self._issuer.url.rstrip("/") + _WELL_KNOWN)
            if not isinstance(found, dict) or found.get("issuer") != self._issuer.url:
                raise NoKeys(f"the configuration of {self._issuer.url} names another issuer")
            keys = keys_of(await self._get(str(found.get("jwks_uri"))))
        except (NoAnswer, ValueError) as failure:
            raise NoKeys(f"{self._issuer.url}: {failure}") from failure
        self._keys, self._fetched = keys, self._clock.monotonic()

    async def _get(self, url: str) -> Any:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise NoKeys(f"{url} is not an https URL")
        if self._tls is None:
            self._tls = client_context(ca_data=self._issuer.certificateAuthority)
        pool = HttpPool(parts.hostname, parts.port or 443, tls=self._tls, authority=parts.netloc)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            headers = {"Accept": "application/json"}
            answer = await pool.request("GET", target, headers=headers, seconds=FETCH_SECONDS, limit=DOCUMENT_LIMIT)
        finally:
            pool.close()
        if answer.status != 200:
            raise NoKeys(f"{url} answers {answer.status}")
        return orjson.loads(answer.body)
