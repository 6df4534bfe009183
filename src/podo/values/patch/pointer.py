"""JSON pointers (RFC 6901): the place in a document that one names, and a change there.

As the API server's library has it: an index may count from the end (-1 is the last element), and each text is its.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from podo.values.patch import PatchError

#: No document is nested deeper, and one that patches nest deeper cannot be reached into further.
_MAX_TOKENS = 200
_MAX_POINTER = 16 * 1024
#: An index: what that library takes for a number.
INDEX = re.compile(r"[+-]?[0-9]{1,9}", re.ASCII)
#: Characters of what a client sent that a message shows.
SHOWN = 80

#: Gives a changed copy of a container for the container and a token.
Change = Callable[[Any, str], Any]


@dataclass(frozen=True, slots=True)
class Place:
    """What a pointer names: its text, and its tokens."""

    text: str
    tokens: list[str]

    @property
    def key(self) -> str:
        return self.tokens[-1]

    def container(self, document: Any, missing: str) -> dict[str, Any] | list[Any]:
        """What the last token is looked up in. Raises PatchError with the text ``missing`` and the pointer."""
        found = document if self.tokens else None
        for token in self.tokens[:-1]:
            found = reached(found, token)
        if not isinstance(found, dict | list):
            raise PatchError(f"{missing}: missing value")
        return found


def tokens_of(text: str) -> list[str]:
    """The reference tokens of a JSON pointer: ``/a~1b/0`` as ``["a/b", "0"]``. Raises PatchError."""
    if not text:
        return []
    if not text.startswith("/") or len(text) > _MAX_POINTER:
        raise PatchError(f"{text[:SHOWN]!r} is not a JSON pointer")
    tokens = text[1:].split("/")
    if len(tokens) > _MAX_TOKENS:
        raise PatchError(f"a JSON pointer may have at most {_MAX_TOKENS} tokens")
    return [token.replace("~1", "/").replace("~0", "~") for token in tokens]


def reached(container: Any, token: str) -> Any:
    """The member or element, None where there is none."""
    if isinstance(container, dict):
        return container.get(token)
    if not isinstance(container, list):
        return None
    try:
        return container[index_of(token, len(container), len(container) - 1)]
    except PatchError:
        return None


def got(container: dict[str, Any] | list[Any], token: str, fails: str) -> Any:
    """Likewise, but an element must be there."""
    if isinstance(container, dict):
        return container.get(token)
    try:
        return container[index_of(token, len(container), len(container) - 1)]
    except PatchError as problem:
        raise PatchError(f"{fails}: {problem}") from None


def index_of(token: str, length: int, last: int) -> int:
    """``length``: what a negative index counts from."""
    if not INDEX.fullmatch(token):
        raise PatchError(f'strconv.Atoi: parsing "{token[:SHOWN]}": invalid syntax')
    index = int(token)
    if index > last or index < -length:
        raise PatchError(f"Unable to access invalid index: {index}: invalid index referenced")
    return index if index >= 0 else index + length


def changed(container: Any, path: list[str], change: Change) -> Any:
    """A copy of the containers along the path, which are there, the last one changed by ``change``."""
    if len(path) == 1:
        return change(container, path[0])
    made = container.copy()
    token = path[0] if isinstance(made, dict) else index_of(path[0], len(made), len(made) - 1)
    made[token] = changed(made[token], path[1:], change)
    return made
