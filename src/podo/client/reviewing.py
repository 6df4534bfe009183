"""Asking a server of the administrator, which a kubeconfig describes, for a review (TokenReview, SubjectAccessReview):
one POST, one object back, tried again when the server does not answer.

Source: "Webhook Token Authentication" and "Webhook Mode" of the Kubernetes documentation.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import orjson

from podo.client.kubeconfig import Access
from podo.http.client import HttpPool, NoAnswer
from podo.runtime.tasks import sleep

#: The first pause between attempts, seconds; each is longer than the one before by this factor.
FIRST_PAUSE, GROWTH = 0.5, 1.5
ATTEMPTS = 5
SECONDS = 30.0
ANSWER_LIMIT = 1 << 20


class NoReview(Exception):
    """No usable answer; the message says why."""


class Reviewer:
    """Connections are kept. Redirects are not followed. ``seconds``: for each attempt."""

    def __init__(self, access: Access, seconds: float = SECONDS, first_pause: float = FIRST_PAUSE) -> None:
        self._pauses = (0.0, *(first_pause * GROWTH**number for number in range(ATTEMPTS - 1)))
        parts = urlsplit(access.server)
        self._pool = HttpPool(
            parts.hostname or "", parts.port or (443 if access.tls else 80), tls=access.tls, authority=parts.netloc
        )
        self._target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if access.token:
            self._headers["Authorization"] = f"Bearer {access.token}"
        self._seconds = seconds

    async def ask(self, review: dict[str, Any]) -> dict[str, Any]:
        """The review as it comes back. Raises NoReview."""
        body = orjson.dumps(review)
        failure = ""
        for pause in self._pauses:
            if pause:
                await sleep(pause)
            try:
                answer = await self._pool.request(
                    "POST",
                    self._target,
                    headers=self._headers,
                    body=body,
                    seconds=self._seconds,
                    limit=ANSWER_LIMIT,
                    repeatable=True,
                )
            except NoAnswer as none:
                failure = str(none)
                continue
            if answer.status < 500 and answer.status != 429:
                return _review(answer.status, answer.body, review["kind"])
            failure = f"the server answers {answer.status}"
        raise NoReview(failure)

    def close(self) -> None:
        self._pool.close()


def _review(status: int, body: bytes, kind: str) -> dict[str, Any]:
    if not 200 <= status <= 299:
        raise NoReview(f"the server answers {status}")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or found.get("kind") != kind or not isinstance(found.get("status"), dict):
        raise NoReview(f"the answer is no {kind} with a status")
    return found
