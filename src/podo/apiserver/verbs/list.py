"""list: the stored bytes of a range, selected, in pages that all show one revision."""

from __future__ import annotations

from dataclasses import dataclass

from podo.api.errors import bad_request
from podo.apiserver import versions
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.apiserver.selection import Selection, select
from podo.storage.contract import Compacted, FutureRevision, Page, Record

#: Records read at a time while a selector looks for ``limit`` matches.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The parameters of list, as text where they came as text."""

    labels: str = ""
    fields: str = ""
    limit: int = 0
    continue_token: str = ""
    revision: str = ""
    match: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """``remaining`` is None where it is not known (with selectors) or nothing remains."""

    records: list[Record]
    revision: int
    continue_token: str = ""
    remaining: int | None = None


async def list_objects(backend: Backend, call: Call, options: ListOptions) -> Listing:
    """Raises BadRequest, Invalid, Expired (a page whose revision is compacted) and Timeout (a revision yet to come)."""
    selection = select(call.kind, call.namespace, options.labels, options.fields)
    revision, after = _start(backend, options, selection)
    limit = max(0, options.limit)
    try:
        if key := selection.key:
            return await _single(backend, selection, key, revision)
        if selection.everything:
            page = await backend.store.range(selection.prefix, after=after, limit=limit, revision=revision)
            return _listing(page.records, page, limit)
        return await _selected(backend, selection, limit, revision, after)
    except Compacted as gone:
        if options.continue_token:
            raise versions.expired_page(after) from None
        raise versions.too_old(revision, gone.oldest) from None
    except FutureRevision as ahead:
        raise versions.too_large(revision, ahead.current) from None


def _start(backend: Backend, options: ListOptions, selection: Selection) -> tuple[int, str]:
    """The revision to read at (0: now) and the key to begin after."""
    versions.check_match(options.match, options.revision, options.continue_token)
    asked = versions.parse_revision(options.revision)
    if options.continue_token:
        if asked:
            raise bad_request("specifying resource version is not allowed when using continue")
        return versions.read_continue_token(options.continue_token, selection.prefix)
    if not asked:
        return 0, ""
    versions.check_reached(asked, backend.store.revision)
    exact = options.match == "Exact" or (not options.match and options.limit > 0)
    return (asked if exact else 0), ""


async def _single(backend: Backend, selection: Selection, key: str, revision: int) -> Listing:
    """A list that can hold one object: what watches of single objects begin with."""
    if revision:
        page = await backend.store.range(key, revision=revision)
        found = [record for record in page.records if record.key == key]
        return Listing([record for record in found if selection.matches(record)], page.revision)
    now = backend.store.revision
    found_now = await backend.store.get(key)
    return Listing([found_now] if found_now and selection.matches(found_now) else [], now)


def _listing(records: list[Record], page: Page, limit: int) -> Listing:
    if not limit or not page.remaining:
        return Listing(records, page.revision)
    token = versions.continue_token(page.revision, records[-1].key)
    return Listing(records, page.revision, token, page.remaining)


async def _selected(backend: Backend, selection: Selection, limit: int, revision: int, after: str) -> Listing:
    """Read chunks until ``limit`` objects match or the range ends; every turn moves on by at least one key."""
    found: list[Record] = []
    matches = selection.matches
    while True:
        page = await backend.store.range(selection.prefix, after=after, limit=CHUNK if limit else 0, revision=revision)
        for index, record in enumerate(page.records):
            if not matches(record):
                continue
            found.append(record)
            if limit and len(found) == limit:
                more = index + 1 < len(page.records) or page.remaining > 0
                token = versions.continue_token(page.revision, record.key) if more else ""
                return Listing(found, page.revision, token)
        if not page.remaining:
            return Listing(found, page.revision)
        revision, after = page.revision, page.records[-1].key
