"""deletecollection: list, then delete each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from podo.api.errors import ApiError
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.apiserver.verbs.delete import DeleteOptions, delete
from podo.apiserver.verbs.list import Listing, ListOptions, list_objects
from podo.storage.contract import Record

#: How many are deleted side by side, so that the store can commit them together.
AT_ONCE = 64


async def delete_collection(backend: Backend, call: Call, select: ListOptions, options: DeleteOptions) -> Listing:
    """Delete what the list shows; what is gone meanwhile is passed over. The listing as it was before.

    Raises the first refusal; what was asked for beside and before it is done.
    """
    listing = await list_objects(backend, call, select)
    for first in range(0, len(listing.records), AT_ONCE):
        await _delete_all(backend, call, listing.records[first : first + AT_ONCE], options)
    return listing


async def _delete_all(backend: Backend, call: Call, records: Sequence[Record], options: DeleteOptions) -> None:
    done = await asyncio.gather(
        *(delete(backend, _of_one(call, record), options) for record in records), return_exceptions=True
    )
    for problem in done:
        if isinstance(problem, BaseException) and not (isinstance(problem, ApiError) and problem.reason == "NotFound"):
            raise problem


def _of_one(call: Call, record: Record) -> Call:
    parts = record.key.rsplit("/", 2)
    return replace(call, namespace=parts[-2] if call.kind.namespaced else "", name=parts[-1])
