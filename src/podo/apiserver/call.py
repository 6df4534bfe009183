"""A call: one request for a resource, whatever way it came (HTTP or the same process), and what a write answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podo.admission.request import AdmissionRequest, Held
from podo.api.kind import Kind, Obj
from podo.authn.user import ANONYMOUS, User

if TYPE_CHECKING:
    from podo.apiserver.fairness.watchcost import Stay


@dataclass(slots=True)
class Call:
    """``verb`` is the API's word (``deletecollection``), not HTTP's. ``warnings``: what is told beside the answer."""

    verb: str
    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    user: User = ANONYMOUS
    dry_run: bool = False
    field_validation: str = "Warn"  # "Strict", "Warn", "Ignore"
    #: Fields that the body names twice, as messages.
    duplicates: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)
    #: Who owns the fields that are written: the ``fieldManager`` parameter, or the name of the client's program.
    manager: str = "unknown"
    #: The ``fieldManager`` parameter itself.
    field_manager: str = ""
    #: The options of a delete in wire form (``metav1.DeleteOptions``).
    delete_options: Obj | None = None
    #: What admission adds to the audit event.
    annotations: dict[str, str] = field(default_factory=dict)
    is_audited: bool = False
    #: Does the audit event show the body? Then ``sent`` is what came.
    keeps_body: bool = False
    sent: bytes | None = None
    #: What is taken for this write until it is over: addresses and ports of Services, charges of quotas.
    held: list[Held] = field(default_factory=list)
    #: What plug-ins were shown of the write last: both halves of admission look at the same, mostly.
    shown: AdmissionRequest | None = None
    #: Does an apply take over fields that others own? None where the client did not say.
    force: bool | None = None
    #: Raises Forbidden if the user may not do this call; for an apply that turns out to create.
    authorize: Callable[[Call], None] | None = None
    #: Of a kind that a webhook converts: gives an object in another version (an apiVersion). Only within ``in_slices``.
    convert: Callable[[Obj, str], Obj] | None = None
    #: Of a watch: its seats, and that it is counted.
    stay: Stay | None = None

    @property
    def key(self) -> str:
        return self.kind.key(self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to a write: the object's bytes as now stored (stamped), or as they would be in a dry run."""

    value: bytes
    code: int = 200
