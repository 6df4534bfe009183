"""JSON patch (RFC 6902) with JSON pointers (RFC 6901)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from podo.values.patch import PatchError, same

#: More operations than this are refused, as the API does.
MAX_OPERATIONS = 10_000


class TooLong(PatchError):
    """More operations than are allowed."""


#: Values that ``copy`` operations may add to the document in one patch.
MAX_COPIED = 250_000
#: Members and elements of the containers that one patch may change, counted again for each operation.
MAX_TOUCHED = 20_000_000
#: No document is nested deeper, and one that patches nest deeper cannot be reached into further.
_MAX_TOKENS = 200
_MAX_POINTER = 16 * 1024

Change = Callable[[Any, str], Any]


def apply(document: Any, patch: Any) -> Any:
    """The document after all operations, in order. Raises PatchError; then nothing was applied."""
    if not isinstance(patch, list):
        raise PatchError("a JSON patch must be an array of operations")
    if len(patch) > MAX_OPERATIONS:
        raise TooLong(f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(patch)}")
    budget = _Budget()
    for index, operation in enumerate(patch):
        if not isinstance(operation, dict):
            raise PatchError(f"operation {index}: must be an object")
        try:
            document = _one(document, operation, budget)
        except PatchError as problem:
            raise PatchError(f"operation {index}: {problem}", problem.failed_test) from None
    return document


@dataclass(slots=True)
class _Budget:
    """What one patch may still cost."""

    copied: int = MAX_COPIED
    touched: int = MAX_TOUCHED

    def copy(self, value: Any) -> Any:
        self.copied -= _size(value, self.copied)
        return value

    def touch(self, document: Any, path: list[str]) -> list[str]:
        """Count the containers along a path, as far as it exists."""
        for token in path:
            if not isinstance(document, dict | list):
                break
            self.touched -= len(document)
            try:
                document = _child(document, token)
            except PatchError:
                break
        if self.touched < 0:
            raise PatchError(f"the patch changes more than {MAX_TOUCHED} members and elements")
        return path


def _one(document: Any, operation: dict[str, Any], budget: _Budget) -> Any:
    name = operation.get("op")
    path = budget.touch(document, _pointer(operation, "path"))
    if name == "add":
        return _add(document, path, _value(operation))
    if name == "remove":
        return _remove(document, path)
    if name == "replace":
        find(document, path)
        return _replace(document, path, _value(operation))
    if name == "move":
        source = budget.touch(document, _pointer(operation, "from"))
        if path[: len(source)] == source and path != source:
            raise PatchError("a value cannot be moved into itself")
        return _add(_remove(document, source), path, find(document, source))
    if name == "copy":
        return _add(document, path, budget.copy(find(document, _pointer(operation, "from"))))
    if name == "test":
        _test(document, path, operation)
        return document
    raise PatchError(f"unexpected operation {name!r}: must be add, remove, replace, move, copy or test")


def _test(document: Any, path: list[str], operation: dict[str, Any]) -> None:
    expected = _value(operation)
    try:
        found = find(document, path)
    except PatchError:
        found = None  # as the API has it: a test for null holds where nothing is
        if expected is not None:
            raise
    if not same(found, expected):
        raise PatchError(f"testing value {operation['path']} failed", failed_test=True)


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise PatchError('has no "value"')
    return operation["value"]


def _pointer(operation: dict[str, Any], member: str) -> list[str]:
    text = operation.get(member)
    if not isinstance(text, str):
        raise PatchError(f'has no "{member}"')
    return pointer(text)


def pointer(text: str) -> list[str]:
    """The reference tokens of a JSON pointer: ``/a~1b/0`` as ``["a/b", "0"]``. Raises PatchError."""
    if not text:
        return []
    if not text.startswith("/") or len(text) > _MAX_POINTER:
        raise PatchError(f"{text[:80]!r} is not a JSON pointer")
    tokens = text[1:].split("/")
    if len(tokens) > _MAX_TOKENS:
        raise PatchError(f"a JSON pointer may have at most {_MAX_TOKENS} tokens")
    return [token.replace("~1", "/").replace("~0", "~") for token in tokens]


def find(document: Any, path: list[str]) -> Any:
    """The value at a path. Raises PatchError where there is none."""
    for token in path:
        document = _child(document, token)
    return document


def _child(container: Any, token: str) -> Any:
    if isinstance(container, dict):
        if token not in container:
            raise PatchError(f"there is no member {token!r}")
        return container[token]
    if isinstance(container, list):
        return container[_index(token, len(container) - 1)]
    raise PatchError(f"there is nothing below a plain value at {token!r}")


def _index(token: str, last: int) -> int:
    if not (token.isascii() and token.isdigit()) or (token[0] == "0" and token != "0") or len(token) > 9:
        raise PatchError(f"{token[:80]!r} is not an array index")
    index = int(token)
    if index > last:
        raise PatchError(f"array index {index} is out of bounds")
    return index


def _changed(container: Any, path: list[str], change: Change) -> Any:
    """A copy of the containers along the path, the last one changed by ``change``."""
    if len(path) == 1:
        return change(container, path[0])
    inner = _changed(_child(container, path[0]), path[1:], change)
    made = container.copy()
    made[path[0] if isinstance(made, dict) else int(path[0])] = inner
    return made


def _add(document: Any, path: list[str], value: Any) -> Any:
    def add(container: Any, token: str) -> Any:
        if isinstance(container, dict):
            return {**container, token: value}
        if isinstance(container, list):
            at = len(container) if token == "-" else _index(token, len(container))
            return [*container[:at], value, *container[at:]]
        raise PatchError(f"cannot add {token!r} to a plain value")

    return _changed(document, path, add) if path else value


def _remove(document: Any, path: list[str]) -> Any:
    def remove(container: Any, token: str) -> Any:
        _child(container, token)
        if isinstance(container, dict):
            return {key: value for key, value in container.items() if key != token}
        at = int(token)
        return container[:at] + container[at + 1 :]

    if not path:
        raise PatchError("the whole document cannot be removed")
    return _changed(document, path, remove)


def _replace(document: Any, path: list[str], value: Any) -> Any:
    def replace(container: Any, token: str) -> Any:
        made = container.copy()
        made[token if isinstance(made, dict) else int(token)] = value
        return made

    return _changed(document, path, replace) if path else value


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
