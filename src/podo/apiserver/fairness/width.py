"""How many seats a request takes: one, but for lists of many objects, which cost by what they have to look at."""

from __future__ import annotations

from podo.apiserver.call import Call
from podo.apiserver.parameters import Query
from podo.storage.contract import Store

#: Upstream's: a seat for so many objects, and the most that one request takes.
OBJECTS_PER_SEAT = 100
MOST = 10


def width_of(store: Store, call: Call, query: Query) -> int:
    """For list, and for watch, which begins with one."""
    if call.verb == "watch" and (query.get("resourceVersion") or "0") != "0" and "sendInitialEvents" not in query:
        return 1
    if call.name or "metadata.name=" in query.get("fieldSelector", ""):
        return 1
    kind = call.kind
    if "list" not in kind.verbs:
        return 1
    prefix = f"{kind.prefix}{call.namespace}/" if call.namespace and kind.namespaced else kind.prefix
    count = store.count(prefix)
    limit = query.get("limit", "")
    if limit.isascii() and limit.isdigit() and 0 < len(limit) < 10 and int(limit):
        is_selective = bool(query.get("labelSelector") or query.get("fieldSelector"))
        count = min(count, max(int(limit), count // 2 if is_selective else 0))
    return min(MOST, max(1, -(-count // OBJECTS_PER_SEAT)))
