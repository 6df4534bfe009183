"""JSON patch (RFC 6902) as the API server has it, whose library goes beyond the RFC; each text is that library's.

A ``value`` that is not given is null; ``replace`` and ``copy`` take a member that is not there for null.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from podo.values.patch import PatchError, same
from podo.values.patch.pointer import INDEX, SHOWN, Change, Place, changed, got, index_of, reached, tokens_of

#: More operations than this are refused, as the API does.
MAX_OPERATIONS = 10_000


class TooLong(PatchError):
    """More operations than are allowed."""


class Malformed(PatchError):
    """Not a list of operations."""


#: Values that ``copy`` operations may add to the document in one patch.
MAX_COPIED = 250_000
#: Members and elements of the containers that one patch may change, counted again for each operation.
MAX_TOUCHED = 20_000_000
_NO_PATH = "operation failed to decode path: operation missing path field: missing value"
_NO_FROM = "operation failed to decode from: operation, missing from field: missing value"
#: What Go's JSON decoder calls values: a bool is an int here, and comes first.
_NAMES: dict[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
}


def apply(document: Any, patch: Any) -> Any:
    """The document after all operations, in order. Raises PatchError; then nothing was applied."""
    if not isinstance(patch, list):
        raise Malformed(_malformed(patch, "Patch"))
    if len(patch) > MAX_OPERATIONS:
        raise TooLong(f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(patch)}")
    budget = _Budget()
    for operation in patch:
        if not isinstance(operation, dict):
            raise Malformed(_malformed(operation, "Operation"))
        name = operation.get("op", "unknown")
        carry_out = _OPERATIONS.get(name) if isinstance(name, str) else None
        if carry_out is None:
            raise PatchError(f"Unexpected kind: {str(name)[:SHOWN]}")
        document = carry_out(document, operation, budget)
    return document


def _malformed(value: Any, wanted: str) -> str:
    found = next((name for type, name in _NAMES.items() if isinstance(value, type)), "null")
    return f"json: cannot unmarshal {found} into Go value of type jsonpatch.{wanted}"


@dataclass(slots=True)
class _Budget:
    """What one patch may still cost."""

    copied: int = MAX_COPIED
    touched: int = MAX_TOUCHED

    def copy(self, value: Any) -> Any:
        self.copied -= _size(value, self.copied)
        return value

    def touch(self, document: Any, path: list[str]) -> None:
        """Count the containers along a path, as far as it exists."""
        for token in path:
            if not isinstance(document, dict | list):
                break
            self.touched -= len(document)
            document = reached(document, token)
        if self.touched < 0:
            raise PatchError(f"the patch changes more than {MAX_TOUCHED} members and elements")


def _add(document: Any, operation: dict[str, Any], budget: _Budget) -> Any:
    place = _place(operation, "path", "add operation failed to decode path: missing value")
    budget.touch(document, place.tokens)
    place.container(document, f'add operation does not apply: doc is missing path: "{place.text}"')
    return _put(document, place, operation.get("value"), f"error in add for path: '{place.text}'")


def _remove(document: Any, operation: dict[str, Any], budget: _Budget) -> Any:
    place = _place(operation, "path", "remove operation failed to decode path: missing value")
    budget.touch(document, place.tokens)
    place.container(document, f'remove operation does not apply: doc is missing path: "{place.text}"')
    return _take(document, place, f"error in remove for path: '{place.text}'")


def _replace(document: Any, operation: dict[str, Any], budget: _Budget) -> Any:
    place = _place(operation, "path", f"replace {_NO_PATH}")
    value = operation.get("value")
    if not place.text:
        if not isinstance(value, dict | list):
            raise PatchError("replace operation value must be object or array")
        return value
    budget.touch(document, place.tokens)
    fails = "replace operation does not apply: doc is missing"
    place.container(document, f"{fails} path: {place.text}")

    def replace(container: Any, token: str) -> Any:
        made = container.copy()
        made[token if isinstance(made, dict) else index_of(token, len(made), len(made) - 1)] = value
        return made

    try:
        return changed(document, place.tokens, replace)
    except PatchError:  # only the last token may name nothing, an element
        raise PatchError(f"{fails} key: {place.text}: missing value") from None


def _move(document: Any, operation: dict[str, Any], budget: _Budget) -> Any:
    source = _place(operation, "from", f"move {_NO_FROM}")
    fails = "move operation does not apply: doc is missing"
    budget.touch(document, source.tokens)
    container = source.container(document, f"{fails} from path: {source.text}")
    value = got(container, source.key, f"error in move for path: '{source.key}'")
    document = _take(document, source, f"error in move for path: '{source.key}'")
    place = _place(operation, "path", f"move {_NO_PATH}")
    budget.touch(document, place.tokens)
    place.container(document, f"{fails} destination path: {place.text}")
    return _put(document, place, value, f"error in move for path: '{place.text}'")


def _copy(document: Any, operation: dict[str, Any], budget: _Budget) -> Any:
    source = _place(operation, "from", f"copy {_NO_FROM}")
    fails = "copy operation does not apply: doc is missing"
    container = source.container(document, f"{fails} from path: {source.text}")
    value = got(container, source.key, f"error in copy for from: '{source.text}'")
    place = _place(operation, "path", "copy operation failed to decode path: missing value")
    budget.touch(document, place.tokens)
    place.container(document, f"{fails} destination path: {place.text}")
    return _put(document, place, budget.copy(value), "error while adding value during copy")


def _test(document: Any, operation: dict[str, Any], budget: _Budget) -> Any:
    place = _place(operation, "path", f"test {_NO_PATH}")
    budget.touch(document, place.tokens)
    found = document
    if place.text:
        container = place.container(document, f"test operation does not apply: is missing path: {place.text}")
        found = got(container, place.key, f"error in test for path: '{place.text}'")
    if not same(found, operation.get("value")):
        raise PatchError(f"testing value {place.text} failed: test failed", failed_test=True)
    return document


_OPERATIONS: dict[str, Callable[[Any, dict[str, Any], _Budget], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _place(operation: dict[str, Any], member: str, missing: str) -> Place:
    text = operation.get(member)
    if not isinstance(text, str):
        raise PatchError(missing)
    return Place(text, tokens_of(text))


def _put(document: Any, place: Place, value: Any, fails: str) -> Any:
    def put(container: Any, token: str) -> Any:
        if isinstance(container, dict):
            return {**container, token: value}
        at = len(container) if token == "-" else _to_put_at(token, len(container))
        return [*container[:at], value, *container[at:]]

    return _with(fails, document, place, put)


def _to_put_at(token: str, length: int) -> int:
    if not INDEX.fullmatch(token):
        why = f'strconv.Atoi: parsing "{token[:SHOWN]}": invalid syntax'
        raise PatchError(f"value was not a proper array index: '{token[:SHOWN]}': {why}")
    return index_of(token, length + 1, length)


def _take(document: Any, place: Place, fails: str) -> Any:
    def take(container: Any, token: str) -> Any:
        if isinstance(container, dict):
            if token not in container:
                raise PatchError(f"Unable to remove nonexistent key: {token}: missing value")
            return {key: value for key, value in container.items() if key != token}
        at = index_of(token, len(container), len(container) - 1)
        return container[:at] + container[at + 1 :]

    return _with(fails, document, place, take)


def _with(fails: str, document: Any, place: Place, change: Change) -> Any:
    try:
        return changed(document, place.tokens, change)
    except PatchError as problem:
        raise PatchError(f"{fails}: {problem}") from None


def _size(value: Any, limit: int) -> int:
    """How many values there are in a value. Raises PatchError above the limit."""
    count = 0
    pending = [value]
    while pending:
        count += 1
        if count > limit:
            raise PatchError(f"copy operations may add at most {MAX_COPIED} values")
        inner = pending.pop()
        if isinstance(inner, dict):
            pending.extend(inner.values())
        elif isinstance(inner, list):
            pending.extend(inner)
    return count
