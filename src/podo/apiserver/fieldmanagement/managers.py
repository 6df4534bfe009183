"""The name under which a request owns what it writes: its ``fieldManager`` parameter, or its program's name."""

from __future__ import annotations

from functools import lru_cache

from podo.api.errors import invalid_options
from podo.api.parts.systemnames import NODE_PREFIX
from podo.api.rules import Found, forbidden, invalid, required, too_long

#: The longest name, in characters.
MAX_NAME = 128
UNKNOWN = "unknown"


@lru_cache(maxsize=256)
def from_agent(agent: str) -> str:
    """The first part of a User-Agent: ``kubectl`` of ``kubectl/v1.37.0 (linux/amd64)``."""
    name = "".join(letter for letter in agent.partition("/")[0] if letter.isprintable())
    while len(name.encode()) > MAX_NAME:
        name = name[:-1]
    return name or UNKNOWN


@lru_cache(maxsize=256)
def from_user(user: str) -> str:
    """The name of a component that asks from inside the server's process: what its User-Agent would begin with."""
    if user.startswith(NODE_PREFIX):
        return "kubelet"
    if user == "system:apiserver":
        return "kube-apiserver"
    return from_agent(user.rpartition(":")[2])


def check(name: str, found: Found) -> None:
    """Append what is wrong with a ``fieldManager`` parameter."""
    if len(name.encode()) > MAX_NAME:
        found.append(too_long("fieldManager", MAX_NAME))
    for place, letter in enumerate(name):
        if not letter.isprintable():
            why = f"invalid character U+{ord(letter):04X} (at position {place})"
            found.append(invalid("fieldManager", name, why))


def check_apply(name: str, force: bool | None, *, is_apply: bool) -> None:
    """What an apply must have and other patches must not. Raises Invalid."""
    if is_apply and not name:
        raise invalid_options("PatchOptions", [required("fieldManager", "is required for apply patch")])
    if not is_apply and force is not None:
        raise invalid_options("PatchOptions", [forbidden("force", "may not be specified for non-apply patch")])
