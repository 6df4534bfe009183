"""What a cluster came to, without what may differ from one run to the next: uids, revisions, moments, names and
addresses that were given by chance.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import controller_of, name_of, namespace_of, uid_of

_DROPPED = ("uid", "resourceVersion", "managedFields", "creationTimestamp", "generation")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
_ADDRESS = re.compile(r"\b10\.\d+\.\d+\.\d+\b")


def outcome(objects: Iterable[Obj]) -> list[str]:
    """A line an object, sorted."""
    found = list(objects)
    names = {uid_of(obj): _name(obj) for obj in found}
    given = {name_of(obj): names[uid_of(obj)] for obj in found if names[uid_of(obj)] != name_of(obj)}
    known = {**names, **given}
    pattern = re.compile("|".join(re.escape(text) for text in sorted(known, key=len, reverse=True)) or "(?!)")
    return sorted(_plain(obj, pattern, known) for obj in found)


def _name(obj: Obj) -> str:
    """What an owner made has a name of its choice."""
    owner = controller_of(obj)
    return f"one of {owner['kind']} {owner['name']}" if owner else name_of(obj)


def _plain(obj: Obj, pattern: re.Pattern[str], known: dict[str, str]) -> str:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _DROPPED}
    content: dict[str, Any] = {**obj, "metadata": metadata}
    observed = (obj.get("status") or {}).get("observedGeneration")
    if observed is not None:
        current = observed == obj["metadata"].get("generation")
        content["status"] = {**obj["status"], "observedGeneration": current}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    for one, other in ((pattern, lambda found: known[found[0]]), (_MOMENT, "a moment"), (_ADDRESS, "an address")):
        text = one.sub(other, text)
    return f"{obj['kind']} {namespace_of(obj)} {text}"
