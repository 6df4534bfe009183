"""What was found out about one object: what is wrong with it, and the findings that are the cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of

#: At most so many objects of one kind are followed; the rest is counted.
MOST = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """``about``: ``Deployment default/web``. ``says``: one line or more; none: nothing is wrong with it itself.
    ``placement``: of a pod without a node, what each node says (``scheduler.explain.document``)."""

    about: str
    says: tuple[str, ...]
    causes: tuple[Finding, ...] = ()
    placement: Obj | None = None

    def lines(self, depth: int = 0) -> Iterator[str]:
        indent = "  " * depth
        first, *rest = self.says or ("nothing is wrong",)
        yield f"{indent}{self.about}: {first}"
        for line in rest:
            yield f"{indent}  {line}"
        for cause in self.causes:
            yield from cause.lines(depth + 1)

    def document(self) -> dict[str, Any]:
        causes = [cause.document() for cause in self.causes]
        placement = {"placement": self.placement} if self.placement is not None else {}
        return {"about": self.about, "says": list(self.says), **placement, "causes": causes}

    @staticmethod
    def read(document: Mapping[str, Any]) -> Finding:
        """What ``document`` gave."""
        causes = tuple(Finding.read(each) for each in document.get("causes") or ())
        return Finding(document["about"], tuple(document["says"]), causes, document.get("placement"))


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a pod could go: in words, and as a document."""

    lines: tuple[str, ...]
    document: Obj | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """The objects of a cluster at one moment, by kind. ``absent``: kind, namespace and name of what was looked for and
    is not there. ``unseen``: kinds of which not all was seen, for lack of rights."""

    objects: Mapping[str, tuple[Obj, ...]]
    absent: frozenset[tuple[str, str, str]] = frozenset()
    unseen: frozenset[str] = frozenset()

    def all(self, kind: str) -> tuple[Obj, ...]:
        return self.objects.get(kind, ())

    def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        found = (obj for obj in self.all(kind) if (namespace_of(obj), name_of(obj)) == (namespace, name))
        return next(found, None)

    def owned_by(self, owner: Obj, kind: str) -> list[Obj]:
        """Objects of a kind that name the owner."""
        uid = uid_of(owner)
        return [
            obj
            for obj in self.all(kind)
            if any(each.get("uid") == uid for each in obj["metadata"].get("ownerReferences") or ())
        ]

    def events(self, about: Obj) -> list[Obj]:
        """The events about an object, the newest last."""
        uid = uid_of(about)
        found = [each for each in self.all("Event") if (each.get("involvedObject") or {}).get("uid") == uid]
        found.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
        return found

    def warnings(self, about: Obj) -> list[str]:
        """The newest warnings about an object, each once."""
        found = [event for event in self.events(about) if event.get("type") == "Warning"]
        return list(dict.fromkeys(f"{event.get('reason')}: {event.get('message')}" for event in found))[-MOST:]


def title(obj: Obj) -> str:
    namespace = namespace_of(obj)
    return f"{obj['kind']} {namespace}/{name_of(obj)}" if namespace else f"{obj['kind']} {name_of(obj)}"


def few(findings: Iterable[Finding], what: str) -> tuple[Finding, ...]:
    """The first of them; how many more there are."""
    listed = list(findings)
    if len(listed) <= MOST:
        return tuple(listed)
    return (*listed[:MOST], Finding(f"{len(listed) - MOST} more {what}", ("likewise not as wanted",)))
