"""deletecollection: list, then delete each."""

from __future__ import annotations

from dataclasses import replace

from podo.api.errors import ApiError
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.apiserver.verbs.delete import DeleteOptions, delete
from podo.apiserver.verbs.list import Listing, ListOptions, list_objects


async def delete_collection(backend: Backend, call: Call, select: ListOptions, options: DeleteOptions) -> Listing:
    """Delete what the list shows; what is gone meanwhile is passed over. The listing as it was before."""
    listing = await list_objects(backend, call, select)
    for record in listing.records:
        parts = record.key.rsplit("/", 2)
        namespace = parts[-2] if call.kind.namespaced else ""
        try:
            await delete(backend, replace(call, namespace=namespace, name=parts[-1]), options)
        except ApiError as error:
            if error.reason != "NotFound":
                raise
    return listing
