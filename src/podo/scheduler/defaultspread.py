"""The pods that a pod is spread with where it says nothing itself: those of its Services and of its controller.

Source: "Pod Topology Spread Constraints", built-in default constraints.
"""

from __future__ import annotations

from collections.abc import Mapping

from podo.api.kind import Obj
from podo.api.meta import controller_of, labels_of
from podo.scheduler.podterms import Spread, spread_of
from podo.values.selector import Requirement, Selector, SelectorError, from_label_selector

#: Kinds that say which pods belong together.
KINDS = ("Service", "ReplicationController", "ReplicaSet", "StatefulSet")
SYSTEM_DEFAULTS = (("kubernetes.io/hostname", 3, False), ("topology.kubernetes.io/zone", 5, False))
#: Answers remembered.
LIMIT = 8192

#: topology key, maxSkew, whether it is hard
Default = tuple[str, int, bool]
_Owner = tuple[str, str]
_Question = tuple[str, tuple[tuple[str, str], ...], _Owner | None, tuple[Default, ...]]


class Groups:
    """Selectors of Services and workloads, by namespace."""

    def __init__(self) -> None:
        self._services: dict[str, dict[str, Mapping[str, str]]] = {}
        self._owners: dict[tuple[str, str, str], Selector] = {}  # namespace, kind, name
        self._known: dict[_Question, tuple[Spread, ...]] = {}

    def set(self, kind: str, namespace: str, name: str, obj: Obj | None) -> None:
        """The object came or changed, or (None) went."""
        selector = ((obj or {}).get("spec") or {}).get("selector")
        changed = self._set_service(namespace, name, selector) if kind == "Service" else False
        if kind != "Service":
            changed = self._set_owner((namespace, kind, name), _owner_selector(kind, selector))
        if changed:
            self._known.clear()

    def _set_service(self, namespace: str, name: str, selector: Mapping[str, str] | None) -> bool:
        there = self._services.setdefault(namespace, {})
        before = there.get(name)
        if before == selector:
            return False
        if selector is None:
            del there[name]
        else:
            there[name] = selector
        return True

    def _set_owner(self, key: tuple[str, str, str], selector: Selector | None) -> bool:
        before = self._owners.get(key)
        if before == selector:
            return False
        if selector is None:
            del self._owners[key]
        else:
            self._owners[key] = selector
        return True

    def constraints(self, pod: Obj, namespace: str, defaults: tuple[Default, ...]) -> tuple[Spread, ...]:
        """The defaults over the pod's group; nothing for a pod that belongs to none."""
        owner = controller_of(pod)
        known_owner = (owner["kind"], owner["name"]) if owner else None
        labels = labels_of(pod)
        question = (namespace, tuple(sorted(labels.items())), known_owner, defaults)
        found = self._known.get(question)
        if found is None:
            if len(self._known) >= LIMIT:
                self._known.clear()
            selector = self._selector(namespace, labels, known_owner)
            found = self._known[question] = (
                tuple(spread_of(selector, namespace, key, skew, hard) for key, skew, hard in defaults)
                if selector is not None
                else ()
            )
        return found

    def _selector(self, namespace: str, labels: Mapping[str, str], owner: _Owner | None) -> Selector | None:
        merged: dict[str, str] = {}
        for selector in self._services.get(namespace, {}).values():
            if selector.items() <= labels.items():
                merged.update(selector)
        more = self._owners.get((namespace, *owner)) if owner else None
        requirements = [Requirement(key, "=", frozenset((value,))) for key, value in merged.items()]
        if more is not None and not more.nothing:
            requirements += [each for each in more.requirements if each not in requirements]
        return Selector(tuple(requirements)) if requirements else None


def _owner_selector(kind: str, selector: object) -> Selector | None:
    if not isinstance(selector, dict):
        return None
    try:
        return from_label_selector({"matchLabels": selector} if kind == "ReplicationController" else selector)
    except SelectorError:
        return None
