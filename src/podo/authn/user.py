"""Who is asking: a user's name and groups, as every authentication method gives them."""

from __future__ import annotations

from dataclasses import dataclass

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
#: The group that may do everything.
MASTERS = "system:masters"


@dataclass(frozen=True, slots=True)
class User:
    """A user as authentication found it. ``uid`` is empty where the method knows none."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""


ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))
