"""Conflicts of an apply as the API answers them: 409, with a cause for every field that somebody else owns."""

from __future__ import annotations

import json
from collections.abc import Mapping

from podo.api.errors import ApiError
from podo.apiserver.fieldmanagement.entries import UPDATE, Manager
from podo.values.fields import Fields
from podo.values.fields.elements import lines


def refusal(conflicts: Mapping[Manager, Fields], versions: Mapping[Manager, str]) -> ApiError:
    """The Conflict for fields that ``conflicts`` says others own. ``versions``: of the fields of each."""
    found = [
        (_shown(manager, versions.get(manager, "")), line)
        for manager, fields in sorted(conflicts.items())
        for line in lines(fields)
    ]
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": line} for who, line in found
    ]
    return ApiError("Conflict", _message(found), {"causes": causes})


def _message(found: list[tuple[str, str]]) -> str:
    if len(found) == 1:
        who, line = found[0]
        return f"Apply failed with 1 conflict: conflict with {who}: {line}"
    parts: list[str] = []
    for who in dict.fromkeys(who for who, _ in found):
        parts.append(f"conflicts with {who}:")
        parts.extend(f"- {line}" for other, line in found if other == who)
    return f"Apply failed with {len(found)} conflicts: " + "\n".join(parts)


def _shown(manager: Manager, version: str) -> str:
    text = json.dumps(manager.name, ensure_ascii=False)
    if manager.subresource:
        text += f' with subresource "{manager.subresource}"'
    return f"{text} using {version}" if manager.operation == UPDATE else text
