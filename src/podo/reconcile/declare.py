"""How a controller says what it looks at. The decorated function stays a plain function; the declaration hangs on it.

@controller(reconciles="ReplicaSet", owns=("Pod",))
def reconcile(key: Key, view: View) -> Iterator[Action]: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from podo.api.kind import Obj
from podo.reconcile.actions import Action


class Key(NamedTuple):
    """One object of the kind that a controller reconciles. ``namespace`` is "" for cluster-scoped kinds."""

    namespace: str
    name: str


class Later(NamedTuple):
    """A key to be looked at after so many seconds; of several wishes the earliest counts. What many changes at a time
    concern is looked at once this way."""

    key: Key
    seconds: float


Objects = list[Obj]


class View(Protocol):
    """A frozen look at the cluster through the cache, a little behind the store. What it returns must not be
    changed: copy first."""

    #: Wall time of this look, seconds.
    now: float

    def get(self, kind: str, name: str, namespace: str = "") -> Obj | None: ...

    def list(self, kind: str, namespace: str | None = None) -> Objects:
        """All objects of a kind, in a namespace where one is given; a stable order (namespace, name)."""

    def count(self, kind: str) -> int:
        """How many objects of a kind there are."""

    def is_custom(self, kind: str) -> bool:
        """Is this a custom kind that is served and looked at?"""

    def is_in_namespaces(self, kind: str) -> bool:
        """Do objects of this custom kind live in namespaces?"""

    def is_gone(self, uid: str) -> bool:
        """Was the object of this uid seen to go, though its kind, a custom one, is perhaps gone too?"""

    def custom_kinds(self, *, namespaced: bool | None = None) -> tuple[str, ...]:
        """The custom kinds that are served, all or those whose objects live (or do not live) in namespaces."""

    def selected(self, kind: str, namespace: str, selector: object) -> Objects:
        """Those whose labels match a ``metav1.LabelSelector`` (or a plain label map, as Services have)."""

    def owned_by(self, owner: Obj, kind: str) -> Objects:
        """Objects of ``kind`` whose controller reference is ``owner`` (by uid), in a stable order."""

    def dependents_of(self, uid: str) -> Objects:
        """Objects of any watched kind with an owner reference (controller or not) to ``uid``."""

    def names(self, base: str, taken: Iterable[str]) -> Iterable[str]:
        """Endless fresh names ``base + suffix`` that are not in ``taken``; the same for the same view of the same
        key, so that a
        decision taken twice asks for the same objects."""


#: From a changed object (and its former state, where known) to the keys that must be looked at again.
Mapper = Callable[[Obj, View], Iterable[Key | Later]]
Reconcile = Callable[[Key, View], Iterable[Action]]


@dataclass(frozen=True, slots=True)
class Among:
    """A mapper that finds its keys by looking through the objects of ``kind``: where there are none it is not asked."""

    kind: str
    mapper: Mapper

    def __call__(self, obj: Obj, view: View) -> Iterable[Key | Later]:
        return self.mapper(obj, view)


def _everything(obj: Obj) -> bool:
    return True


def nothing(obj: Obj) -> bool:
    """For ``minds`` of a controller whose keys are not objects of the kind: a declaration must name one, and
    keys of its objects would only stand in the way."""
    return False


@dataclass(frozen=True, slots=True)
class Declaration:
    name: str
    reconciles: str
    reconcile: Reconcile
    owns: tuple[str, ...] = ()
    watches: Mapping[str, Mapper] = field(default_factory=dict)
    #: Kinds that the controller reads without being woken by them.
    reads: tuple[str, ...] = ()
    #: How many keys may be in work at once.
    workers: int = 8
    #: Of the reconciled kind, the objects whose changes are news; of others only the end is.
    minds: Callable[[Obj], bool] = _everything
    #: Told of the objects of custom kinds, whatever these are: they come and go.
    customs: Mapper | None = None
    #: The service account in kube-system that it acts as; "" is the runner's own client.
    account: str = ""
    #: Who tells its Events.
    component: str = ""


def controller(
    *,
    reconciles: str,
    owns: tuple[str, ...] = (),
    watches: Mapping[str, Mapper] | None = None,
    reads: tuple[str, ...] = (),
    name: str = "",
    workers: int = 8,
    minds: Callable[[Obj], bool] = _everything,
    customs: Mapper | None = None,
) -> Callable[[Reconcile], Declaration]:
    """Declare a controller. The module's ``reconcile`` becomes its ``Declaration``; ``controllers/__init__.py``
    lists them."""

    def declared(reconcile: Reconcile) -> Declaration:
        module = reconcile.__module__.rpartition(".")[2]
        of_kinds = dict(watches or {})
        return Declaration(name or module, reconciles, reconcile, owns, of_kinds, reads, workers, minds, customs)

    return declared
