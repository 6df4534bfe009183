"""What an admission plug-in is given, and what a plug-in is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from podo.admission.podsecurity.policy import Settings as PodSecurity
from podo.api.kind import Kind, Obj
from podo.storage.contract import Store

if TYPE_CHECKING:
    from podo.admission.imagepolicy import ImagePolicy
    from podo.admission.resourcequota.accounts import Accounts


class Held(Protocol):
    """Something taken for a write: kept with ``commit``, which comes before ``close``, else given back; unless it is
    in ``doubt`` whether the write was done (it was cancelled, or the store failed)."""

    def commit(self) -> None: ...

    def doubt(self) -> None: ...

    def close(self) -> None: ...


#: Custom resources in another version (an apiVersion) of their definition, in their order. Raises ApiError.
Convert = Callable[[list[Obj], str], Awaitable[list[Obj]]]


def _nothing(*asked: str) -> bool:
    return False


def _never() -> float:
    return 0.0


class AdmissionRequest(msgspec.Struct, frozen=True):
    """One write about to happen. ``object`` is the plug-in's to change (None for DELETE); ``old`` is not."""

    operation: str  # "CREATE", "UPDATE", "DELETE", "CONNECT"
    kind: Kind
    namespace: str
    name: str  # "" while it is to be generated
    subresource: str
    object: Obj | None
    old: Obj | None
    user: str
    store: Store
    groups: tuple[str, ...] = ()
    uid: str = ""  # the user's
    extra: Mapping[str, list[str]] = msgspec.field(default_factory=dict)
    #: May the user do this too? ``may(verb, group, resource, name, namespace, subresource)``.
    may: Callable[..., bool] = _nothing
    dry_run: bool = False
    #: What the client is told in Warning headers; plug-ins append.
    warnings: list[str] = msgspec.field(default_factory=list)
    #: Audit annotations, key -> value; plug-ins add.
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    #: The options of the request (CreateOptions, UpdateOptions, DeleteOptions), where the verb knows them.
    options: Obj = msgspec.field(default_factory=dict)
    #: What quotas count, None where nobody does; and what they charged for this write: settled when it is over.
    accounts: Accounts | None = None
    held: list[Held] = msgspec.field(default_factory=list)
    #: The cluster's defaults and exemptions of Pod Security.
    pod_security: PodSecurity = PodSecurity()
    #: Where a webhook converts the versions of the kind: who asks it, and what it has made for equivalent kinds.
    convert: Convert | None = None
    forms: dict[Kind, tuple[Obj | None, Obj | None]] = msgspec.field(default_factory=dict)
    #: Wall time, in seconds since the epoch.
    now: Callable[[], float] = _never
    #: Who is asked about images, None where nobody is.
    image_policy: ImagePolicy | None = None


@dataclass(frozen=True, slots=True)
class Plugin:
    """``handles(kind, operation, subresource)`` is asked once a combination; ``admit`` refuses by raising ApiError."""

    name: str
    handles: Callable[[Kind, str, str], bool]
    admit: Callable[[AdmissionRequest], Awaitable[None]]


def is_core(kind: Kind, plural: str) -> bool:
    return kind.group == "" and kind.plural == plural


def creates_pod(kind: Kind, operation: str, subresource: str) -> bool:
    return operation == "CREATE" and not subresource and is_core(kind, "pods")
