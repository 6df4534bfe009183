"""What a kind is. One value of this type stands for a built-in kind or for one made from a
CustomResourceDefinition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podo.api.structural.schema import StructuralSchema

#: An object in memory: its decoded JSON in wire form.
Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an object: becomes a cause of an Invalid Status.

    ``path``: the field, as ``spec.containers[0].image``. ``reason``: a cause type of metav1.CauseType
    (``FieldValueRequired``, ``FieldValueInvalid``, ``FieldValueNotSupported``, ``FieldValueForbidden``,
    ``FieldValueDuplicate``, ``FieldValueTooLong``, ``FieldValueTooMany``, ``FieldValueNotFound``,
    ``FieldValueTypeInvalid``).
    ``message``: upstream's text for it, e.g. ``Required value`` or ``Invalid value: "x": must be no more than 63
    characters``.
    """

    path: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column: a ``metav1.TableColumnDefinition`` and how its cell is read from an object.

    ``cell(obj, now)`` gives the JSON value; ``now`` is wall time in seconds, for ages. ``priority`` 0 is always
    shown, 1 with ``-o wide``.
    """

    name: str
    cell: Callable[[Obj, float], Any]
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where the scale subresource of a kind reads and writes (dotted field paths)."""

    spec_replicas: str = "spec.replicas"
    status_replicas: str = "status.replicas"
    selector: str = "spec.selector"  # a LabelSelector, or a plain map for ReplicationController


def _nothing(obj: Obj) -> None:
    return None


def _no_problems(new: Obj, old: Obj | None) -> Iterable[Problem]:
    return ()


def _no_change(new: Obj, old: Obj | None) -> None:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind: its names, scope and behaviour. Behaviour is pure: no I/O, no clock, no chance."""

    group: str  # "" for core
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
    #: Fills in upstream's defaults, in place. Runs on every decoded body, before admission and validation.
    fill_in: Callable[[Obj], None] = _nothing
    #: What is wrong with ``new``; on update ``old`` is the stored object (immutable fields). Yields all problems,
    #: not the first.
    problems: Callable[[Obj, Obj | None], Iterable[Problem]] = _no_problems
    #: Likewise for a write to ``/status``.
    status_problems: Callable[[Obj, Obj | None], Iterable[Problem]] = _no_problems
    #: What a client is told beside the answer to a good write: what is deprecated, or does not what it seems to.
    warnings: Callable[[Obj, Obj | None], Iterable[str]] | None = None
    #: Likewise of a write to ``/status``.
    status_warnings: Callable[[Obj, Obj], Iterable[str]] | None = None
    #: What the server itself sets on create (``old`` is None) and on update of the main resource, in place, before
    #: validation:
    #: a Pod's phase, what may not be changed by the client. metadata and the status split are done for all kinds alike.
    #: What it gives on create is told the client.
    prepare: Callable[[Obj, Obj | None], Iterable[str] | None] = _no_change
    #: Likewise of a write to ``/status``; ``new`` has all but the status from ``old``.
    prepare_status: Callable[[Obj, Obj], None] = _no_change
    columns: tuple[Column, ...] = ()  # without the Name and Age of every kind when empty
    #: What a Table says of a row beside its cells (``metav1.TableRowCondition``).
    row_conditions: Callable[[Obj], list[Obj]] | None = None
    #: By what the rows of a list are in order where it is not the name.
    row_order: Callable[[Obj], Any] | None = None
    #: Field selectors besides metadata.name and metadata.namespace: label -> value as text.
    fields: Mapping[str, Callable[[Obj], str]] = field(default_factory=dict)
    #: "status", "scale", "binding", "log", "exec", "attach", "portforward" ...
    subresources: frozenset[str] = frozenset()
    scale: ScalePaths | None = None
    #: "subdomain" (RFC 1123 subdomain), "label" (RFC 1123 label), "label1035" (Services), "path" (path segment).
    name_rule: str = "subdomain"
    #: Does a change of anything but metadata and status raise metadata.generation?
    generation: bool = False
    #: Is a status given on create kept? Only a Node's is: kubelets register with one.
    status_on_create: bool = False
    #: What a delete that does not say it does to dependents: "" is in the background. Of old, "Orphan" for some.
    default_propagation: str = ""
    #: Set where two group versions serve one stored object (Event): the stored kind and the two conversions (in
    #: place or a new dict).
    stored_as: Kind | None = None
    to_stored: Callable[[Obj], Obj] | None = None
    from_stored: Callable[[Obj], Obj] | None = None
    #: Of a custom kind: the version that its objects are stored in.
    stored_version: str = ""
    #: Must an update (PUT) name the resourceVersion that it is about?
    conditional: bool = False
    #: Does an update (PUT) of what is not there create it?
    created_by_update: bool = False
    #: Do its rules compile or run expressions, so that to judge an object may take long? Then others on the event loop
    #: have their turn meanwhile.
    long_rules: bool = False
    #: Of a custom kind: its schema, which stands in for a type of the schema table.
    custom: StructuralSchema | None = None
    #: Of a custom kind: those of all served versions, this one among them.
    versions: list[Kind] = field(default_factory=list, repr=False)
    #: Told with every answer about a version that is deprecated.
    warning: str = ""
    #: The name of a list of such objects, where it is not the kind's with ``List`` behind it.
    named_list: str = ""

    #: The store's key prefix of all objects of this kind, e.g. ``/apps/deployments/``.
    prefix: str = field(init=False)

    def __post_init__(self) -> None:
        stored = self.stored_as or self
        object.__setattr__(self, "prefix", f"/{stored.group or 'core'}/{stored.plural}/")

    @property
    def api_version(self) -> str:
        """``v1`` or ``apps/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """The name in messages: ``pods`` or ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified(self) -> str:
        """The kind's name in Invalid messages: ``Pod`` or ``Deployment.apps``."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def list_kind(self) -> str:
        return self.named_list or f"{self.kind}List"

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources

    def key(self, namespace: str, name: str) -> str:
        """The store's key of one object: ``/core/pods/default/web``, ``/core/nodes/n1``."""
        return f"{self.prefix}{namespace}/{name}" if self.namespaced else f"{self.prefix}{name}"
