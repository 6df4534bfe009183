"""Notes on what day a legacy service-account token was used last: the label kubernetes.io/legacy-token-last-used of its
Secret, written once a day, beside the request.
"""

from __future__ import annotations

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of
from podo.authn.legacytokens import LAST_USED
from podo.client.contract import Client
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks

log = Logger("podo.legacytokenuse")


class LegacyTokenUse:
    def __init__(self, client: Client, tasks: Tasks) -> None:
        self._client = client
        self._tasks = tasks
        self._at_work: set[str] = set()

    def note(self, secret: Obj, day: str) -> None:
        """The token of ``secret`` is used on this ``day``, which its label does not say yet."""
        uid = uid_of(secret)
        if uid not in self._at_work:
            self._at_work.add(uid)
            self._tasks.spawn(self._write(secret, uid, day), "legacy token use")

    async def _write(self, secret: Obj, uid: str, day: str) -> None:
        patch = {"metadata": {"uid": uid, "labels": {LAST_USED: day}}}
        try:
            await self._client.patch("Secret", name_of(secret), namespace_of(secret), patch=patch)
        except ApiError as error:  # the next use notes it
            log.info("the use of a token could not be noted", why=str(error), secret=name_of(secret))
        finally:
            self._at_work.discard(uid)
