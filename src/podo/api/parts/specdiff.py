"""What differs between two specs, for people: the lines that go and come, as ``diff -u`` writes them."""

from __future__ import annotations

import json
from typing import Any

#: Fields that are longer as text, in characters, are named and not shown: to compare lines takes time.
_SHOWN_MAX = 16 * 1024
#: Fields of which false, 0 or an empty map says no more than their absence: elsewhere it may (hostUsers, runAsUser).
_ZERO_IS_NOTHING = frozenset(
    (
        *("hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty", "readOnly", "initialDelaySeconds"),
        *("hostPort", "nodeSelector", "overhead", "resources", "limits", "requests", "matchLabels"),
    )
)


def difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """ "" where nothing differs; a field that is absent and one that is empty are the same."""
    fields = [field for field in sorted(old.keys() | new.keys()) if not _same(old.get(field), new.get(field), field)]
    if not fields:
        return ""
    before, after = (_text(spec, fields) for spec in (old, new))
    if len(before) + len(after) > _SHOWN_MAX:
        return "".join(f"@@ {field} @@\n" for field in fields)
    from difflib import unified_diff

    lines = list(unified_diff(before.splitlines(True), after.splitlines(True), n=3))
    return "".join(lines[2:])  # without the names of files


def _text(spec: dict[str, Any], fields: list[str]) -> str:
    shown = {field: spec[field] for field in fields if spec.get(field) is not None}
    return json.dumps(shown, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _same(new: Any, old: Any, field: str = "") -> bool:
    """Equal, or both nothing: a list or text may be left out where it is empty, others only where zero says no more."""
    if new == old or (_is_nothing(new, field) and _is_nothing(old, field)):
        return True
    if isinstance(new, dict) and isinstance(old, dict):
        return all(_same(new.get(name), old.get(name), name) for name in new.keys() | old.keys())
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return all(map(_same, new, old))
    return False


def _is_nothing(value: Any, field: str) -> bool:
    return value in (None, "", []) or (not value and field in _ZERO_IS_NOTHING)
