"""What a client is told of a patch that cannot be read or applied: upstream's words, and how they show the patch."""

from __future__ import annotations

from typing import Any

from podo.api.encoding import dumps
from podo.api.errors import ApiError, bad_request
from podo.api.kind import Obj
from podo.api.schema.mismatch import name_of
from podo.apiserver.call import Call
from podo.values.patch import PatchError, json

#: The members of an operation of a JSON patch, and those among them that are texts.
_MEMBERS = frozenset({"op", "path", "from", "value"})
_TEXTS = ("op", "path", "from")
_SAID = "json patch "
NOT_APPLIED = "the server rejected our request due to an error in our request"


def check_operations(call: Call, changes: Any) -> None:
    """Are these the operations of a JSON patch? Raises BadRequest. Members that are none, and those named twice, become
    ``call.duplicates``, to be told or refused with what is wrong with the result."""
    if call.field_validation == "Ignore":
        return
    if not isinstance(changes, list):
        raise _undecodable(f"{name_of(changes)} into Go value of type []handlers.jsonPatchOp")
    told = list(call.duplicates)
    for index, operation in enumerate(changes):
        if not isinstance(operation, dict):
            raise _undecodable(f"{name_of(operation)} into Go value of type handlers.jsonPatchOp")
        for member in _TEXTS:
            if not isinstance(operation.get(member) or "", str):
                found = name_of(operation[member])
                raise _undecodable(f"{found} into Go struct field jsonPatchOp.{member} of type string")
        if operation.keys() - _MEMBERS:
            told += [f'unknown field "[{index}].{name}"' for name in operation if name not in _MEMBERS]
    if told:
        call.duplicates = tuple(dict.fromkeys(_SAID + text.removeprefix(_SAID) for text in told))


def _undecodable(what: str) -> ApiError:
    return bad_request(f"error decoding patch: json: cannot unmarshal {what}")


def not_applied(problem: PatchError, form: str) -> ApiError:
    """Of a JSON patch that does not fit the object upstream tells no more than that."""
    if form == "json" and not isinstance(problem, json.Malformed):
        return ApiError("Invalid", NOT_APPLIED, {})
    return bad_request(str(problem))


def shown(new: Obj, changes: Any, form: str) -> str:
    """What is shown of a patch whose result is not of the kind's form: the result, or a strategic patch itself."""
    return go_text(changes) if form == "strategic" else dumps(new).decode()


def go_text(value: Any) -> str:
    """A value as Go prints it: ``map[spec:map[replicas:3]]``."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_text, value)) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
