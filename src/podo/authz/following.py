"""Following part of the store: each change is handed on in the moment in which readers can see it."""

from __future__ import annotations

from collections.abc import Callable

from podo.storage.contract import Store

#: Told ``(key, value, former value)``: a new or changed object, or None for one that is gone; and what it replaced.
Told = Callable[[str, bytes | None, bytes | None], None]


async def follow(store: Store, prefix: str, told: Told) -> None:
    """Hand over everything below ``prefix``, then each change, until the store closes.

    A change is handed over inside of the commit's own turn of the loop, so whoever reads the write that was answered
    finds it. ``told`` must be quick and must not fail.
    """
    watch = store.watch(prefix)
    page = await store.range(prefix)
    for record in page.records:
        told(record.key, record.value, None)

    def arrived() -> None:
        for change in watch.take():
            before = change.previous.value if change.previous else None
            told(change.key, None if change.deleted else change.record.value, before)

    arrived()
    watch.on_change(arrived)
