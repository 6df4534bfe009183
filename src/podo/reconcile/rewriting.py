"""Has every object of a kind stored again as it is: page by page, each by a patch that changes nothing, which the API
carries out where the stored form is not today's (StorageVersionMigration).
"""

from __future__ import annotations

import asyncio

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, revision_of, uid_of
from podo.client.contract import Client, ObjectList

#: Objects that are held at once, and those that are written at once: a durable store commits these together.
PAGE, AT_ONCE = 500, 32
#: How often the list is begun anew because it took longer than the store remembers.
ATTEMPTS = 5


async def rewrite_all(client: Client, kind: str, until: int) -> int:
    """How many objects, written last at the revision ``until`` or before, were looked at. Raises ApiError for an
    object that cannot be stored, and what the client raises."""
    count, token, expired = 0, "", 0
    while True:
        try:
            page = await client.list(kind, limit=PAGE, continue_token=token)
        except ApiError as error:
            expired += 1
            if error.reason != "Expired" or expired > ATTEMPTS:
                raise
            token = error.continue_token  # goes on where it was, at the newest revision; "" is from the start
            continue
        count += await _rewrite(client, kind, page, until)
        token = page.continue_token
        if not token:
            return count


async def _rewrite(client: Client, kind: str, page: ObjectList, until: int) -> int:
    old = [obj for obj in page.items if revision_of(obj) <= until]
    for start in range(0, len(old), AT_ONCE):
        await asyncio.gather(*(_rewrite_one(client, kind, obj) for obj in old[start : start + AT_ONCE]))
    return len(old)


async def _rewrite_one(client: Client, kind: str, obj: Obj) -> None:
    this = {"metadata": {"uid": uid_of(obj), "resourceVersion": str(revision_of(obj))}}
    try:
        await client.patch(kind, name_of(obj), namespace_of(obj), patch=this)
    except ApiError as error:
        if error.reason not in ("Conflict", "NotFound"):  # written anew meanwhile, or gone
            raise
