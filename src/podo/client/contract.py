"""What a client can ask. ``client.http`` (over TLS) and ``apiserver.local`` (same process) pass the same contract
suite.

Kinds are named by a string: ``"Pod"``, or ``"events.k8s.io/Event"`` where the bare name means another group's
(``api.registry.named`` resolves it). Objects are wire-form dicts; what a client returns is the caller's own to change.
Every method raises ``podo.api.errors.ApiError`` for an answer that is not a success, and ``Unreachable`` when there
is none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from podo.api.errors import ApiError
from podo.api.kind import Obj


class Unreachable(Exception):
    """No answer: whether the request was carried out is not known."""


@dataclass(frozen=True, slots=True)
class ObjectList:
    items: list[Obj]
    revision: int  # the list's resourceVersion
    continue_token: str = ""
    remaining: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A watch event. ``type``: ADDED, MODIFIED, DELETED, BOOKMARK. An ERROR event is raised as ApiError instead."""

    type: str
    object: Obj


#: What a watch gives at once.
Batch = list[Event]

#: Kinds of bodies of subresources -> the kind they are posted to.
POSTED_TO = {"Binding": "Pod", "Eviction": "Pod", "TokenRequest": "ServiceAccount"}


class Client(Protocol):
    #: Is there a network in between? Then a watch may break unnoticed, is begun anew now and then, and has bookmarks.
    over_network: bool

    async def get(self, kind: str, name: str, namespace: str = "", *, subresource: str = "") -> Obj: ...

    async def list(
        self,
        kind: str,
        namespace: str = "",
        *,
        labels: str = "",  # a label selector as text
        fields: str = "",  # a field selector as text
        limit: int = 0,
        continue_token: str = "",
        revision: int | None = None,  # resourceVersion
    ) -> ObjectList: ...

    def watch(
        self,
        kind: str,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        revision: int | None = None,
        timeout_seconds: int | None = None,
    ) -> AsyncIterator[Batch]:
        """Events in batches as they arrive; ends when the server ends the watch."""

    async def create(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Obj:
        """Create ``obj`` (kind, namespace and name are read from it). ``subresource="binding"`` binds a pod."""

    async def update(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Obj:
        """Replace. With a resourceVersion in the object, only that version."""

    async def patch(
        self,
        kind: str,
        name: str,
        namespace: str = "",
        *,
        patch: Any,
        type: str = "merge",  # "json", "merge", "strategic", "apply"
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str = "",  # who owns what is written; the client's own name if it is not given
        force: bool = False,  # apply: take over fields that others own
    ) -> Obj: ...

    async def delete(
        self,
        kind: str,
        name: str,
        namespace: str = "",
        *,
        propagation: str = "",  # "Background", "Foreground", "Orphan"
        grace_seconds: int | None = None,
        uid: str = "",
        revision: int | None = None,
        dry_run: bool = False,
    ) -> Obj: ...

    async def delete_collection(
        self, kind: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> None: ...


@runtime_checkable
class BindsMany(Protocol):
    """What a client may do besides: take many bindings of pods at once."""

    async def bind_all(self, bindings: Sequence[Obj]) -> Sequence[ApiError | None]:
        """Each as ``create`` with ``subresource="binding"``: what went wrong with it."""
