"""A stage for one or a few controllers: plain dicts, the time in a variable, actions carried out at once and
written down.

It wakes controllers by the frame's own rules (``reconcile.wake``), and fails a test when a controller changes what it
was shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import orjson

from podo.api import registry
from podo.api.errors import ApiError, already_exists
from podo.api.kind import Obj
from podo.api.meta import is_controlled_by, labels_of, name_of, namespace_of, uid_of
from podo.client.cache import CacheChange
from podo.client.index import place_of
from podo.reconcile.actions import (
    Action,
    CheckAgain,
    Create,
    Delete,
    EnsureAbsent,
    Patch,
    Rest,
    SetStatus,
    Tell,
    Update,
)
from podo.reconcile.declare import Declaration, Key
from podo.reconcile.perform import kind_name
from podo.reconcile.wake import Listener, Route
from podo.values import selector as selectors
from podo.values import timestamp
from podo.values.patch import merge

START = 1_800_000_000.0


class Stage:
    def __init__(self, *controllers: Declaration) -> None:
        self.controllers = controllers
        self.now = START
        self.objects: dict[tuple[str, str, str], Obj] = {}
        self.told: list[tuple[str, str, str]] = []  # type, reason, message
        self.writes: list[Action] = []
        self.timers: list[tuple[float, Declaration, Key]] = []
        self.dirty: list[tuple[Declaration, Key]] = []
        self.refuse: dict[tuple[str, str], ApiError] = {}  # ("Create", kind) -> error
        self.graceful_pods = False
        self._count = 0

    # View

    def get(self, kind: str, name: str, namespace: str = "") -> Obj | None:
        return self.objects.get((kind, namespace, name))

    def count(self, kind: str) -> int:
        return len(self.list(kind))

    def is_custom(self, kind: str) -> bool:
        return False

    def custom_kinds(self, *, namespaced: bool | None = None) -> tuple[str, ...]:
        return ()

    def list(self, kind: str, namespace: str | None = None) -> list[Obj]:
        keys = [key for key in self.objects if key[0] == kind and namespace in (None, key[1])]
        return [self.objects[key] for key in sorted(keys)]

    def selected(self, kind: str, namespace: str, selector: object) -> Objects:
        plain = not isinstance(selector, dict) or not {"matchLabels", "matchExpressions"} & selector.keys()
        parsed = selectors.from_map(selector) if plain else selectors.from_label_selector(selector)
        return [obj for obj in self.list(kind, namespace) if parsed.matches(labels_of(obj))]

    def owned_by(self, owner: Obj, kind: str) -> Objects:
        return [obj for obj in self.list(kind) if is_controlled_by(obj, owner)]

    def dependents_of(self, uid: str) -> Objects:
        return [
            obj
            for _, obj in sorted(self.objects.items())
            if any(reference.get("uid") == uid for reference in obj["metadata"].get("ownerReferences") or ())
        ]

    def names(self, base: str, taken: Iterable[str]) -> Iterator[str]:
        used = {name_of(obj) for obj in self.objects.values()} | set(taken)
        number = self._count
        while True:
            number += 1
            if f"{base}{number}" not in used:
                yield f"{base}{number}"

    # What tests do

    def put(self, obj: Obj) -> Obj:
        """Create or replace, as a user would."""
        new = _copied(obj)
        key = (kind_name(new), namespace_of(new), name_of(new))
        old = self.objects.get(key)
        self._count += 1
        metadata = new["metadata"]
        metadata["uid"] = uid_of(old) if old else metadata.get("uid") or f"uid-{self._count}"
        metadata["resourceVersion"] = str(self._count)
        metadata["creationTimestamp"] = (old or new)["metadata"].get("creationTimestamp") or timestamp.time(self.now)
        metadata["generation"] = _generation(old, new)
        self.objects[key] = new
        self._changed(key, old, new)
        return new

    def change(self, obj: Obj, patch: dict[str, Any]) -> Obj:
        """A merge patch to the newest state of ``obj``."""
        present = self.objects[kind_name(obj), namespace_of(obj), name_of(obj)]
        return self.put(merge.apply(_copied(present), patch))

    def remove(self, obj: Obj) -> None:
        key = (kind_name(obj), namespace_of(obj), name_of(obj))
        old = self.objects.pop(key, None)
        if old is not None:
            self._count += 1
            self._changed(key, old, None)

    def fresh(self, obj: Obj) -> Obj:
        return self.objects[kind_name(obj), namespace_of(obj), name_of(obj)]

    def run(self, passes: int = 2000) -> Stage:
        """Until nothing is left to do at this time."""
        for _ in range(passes):
            if not self.dirty:
                return self
            declaration, key = self.dirty.pop(0)
            self.one(declaration, key)
        raise AssertionError(f"no rest after {passes} passes; the last writes: {self.writes[-6:]}")

    def one(self, declaration: Declaration, key: Key) -> list[Action]:
        before = self._digest()
        actions = list(declaration.reconcile(key, self))
        assert self._digest() == before, f"{declaration.name} changed what it was shown"
        for action in actions:
            try:
                self._perform(declaration, key, action)
            except ApiError as error:
                wanted = getattr(action, "on_refusal", None)
                for said in list(wanted(error)) if wanted else ():
                    self._perform(declaration, key, said)
                break
        return actions

    def _digest(self) -> bytes:
        return orjson.dumps(list(self.objects.values()))

    def pass_time(self, seconds: float) -> Stage:
        """Move the clock, running what comes due on the way."""
        end = self.now + seconds
        while due := [timer for timer in self.timers if timer[0] <= end]:
            first = min(due, key=lambda timer: timer[0])
            self.timers.remove(first)
            self.now = max(self.now, first[0])
            self.dirty.append((first[1], first[2]))
            self.run()
        self.now = end
        return self

    def everything(self) -> list[Action]:
        """The writes that all controllers want when asked about every object once more: none, on a settled stage."""
        start = len(self.writes)
        for declaration in self.controllers:
            for obj in self.list(declaration.reconciles):
                self.one(declaration, Key(namespace_of(obj), name_of(obj)))
        return self.writes[start:]

    def reasons(self) -> list[str]:
        return [reason for _, reason, _ in self.told]

    # Carrying out

    def _perform(self, declaration: Declaration, key: Key, action: Action) -> None:
        if isinstance(action, Tell):
            self.told.append((action.type, action.reason, action.message))
            return
        if isinstance(action, Rest):
            return  # here nothing changes while a controller looks
        if isinstance(action, CheckAgain):
            assert action.after_seconds >= 0
            timer = (self.now + max(action.after_seconds, 0.001), declaration, key)
            self.timers = [t for t in self.timers if t[1:] != timer[1:]] + [timer]
            return
        if isinstance(action, SetStatus) and action.obj.get("status") == action.status:
            return
        if isinstance(action, EnsureAbsent):
            there = self.get(action.kind, action.name, action.namespace) if action.name else None
            assert there is None or (action.uid and uid_of(there) != action.uid)
            assert action.name or not self.list(action.kind, action.namespace)
            return
        error = self.refuse.get((type(action).__name__, action.obj["kind"]))
        if error is not None:
            raise error
        self.writes.append(action)
        self._write(action)

    def _write(self, action: Any) -> None:
        obj = action.obj
        key = (kind_name(obj), namespace_of(obj), name_of(obj))
        present = self.objects.get(key)
        if isinstance(action, Create):
            if present is not None:
                raise already_exists(registry.of(obj), name_of(obj))
            self.put(obj)
        elif present is None or uid_of(present) != uid_of(obj):
            return
        elif isinstance(action, Update):
            assert present["metadata"]["resourceVersion"] == obj["metadata"]["resourceVersion"], f"stale write of {key}"
            self.put(obj)
        elif isinstance(action, SetStatus):
            assert present["metadata"]["resourceVersion"] == obj["metadata"]["resourceVersion"], f"stale write of {key}"
            self.put({**present, "status": action.status})
        elif isinstance(action, Patch):
            self.put(_patched(present, action))
        elif isinstance(action, Delete):
            self._delete(present, action)

    def _delete(self, obj: Obj, action: Delete) -> None:
        finalizers = list(obj["metadata"].get("finalizers") or ())
        if action.propagation == "Foreground" and "foregroundDeletion" not in finalizers:
            finalizers.append("foregroundDeletion")
        graceful = self.graceful_pods and obj["kind"] == "Pod" and action.grace_seconds != 0
        if finalizers or graceful:
            meta = {"deletionTimestamp": timestamp.time(self.now), **({"finalizers": finalizers} if finalizers else {})}
            if "deletionTimestamp" not in obj["metadata"]:
                self.put(merge.apply(_copied(obj), {"metadata": meta}))
        else:
            self.remove(obj)

    def _changed(self, key: tuple[str, str, str], old: Obj | None, new: Obj | None) -> None:
        finished = new is not None and "deletionTimestamp" in new["metadata"] and not new["metadata"].get("finalizers")
        if finished and new is not None and new["kind"] != "Pod" and not (new.get("spec") or {}).get("finalizers"):
            del self.objects[key]
            new = None
        newest = new or old
        assert newest is not None
        change = CacheChange(key[0], place_of(newest), old, new)
        for declaration in self.controllers:
            later = partial(self._want_later, declaration)
            listener = Listener(declaration, partial(self._want, declaration), later, lambda: self, _raised)
            Route(key[0], [listener]).tell([change])

    def _want(self, declaration: Declaration, key: Key) -> None:
        if (declaration, key) not in self.dirty:
            self.dirty.append((declaration, key))

    def _want_later(self, declaration: Declaration, key: Key, seconds: float) -> None:
        self.timers.append((self.now + seconds, declaration, key))


Objects = list[Obj]


def _copied(obj: Obj) -> Obj:
    copied: Obj = orjson.loads(orjson.dumps(obj))
    return copied


def _raised(bug: Exception) -> None:
    raise bug


def _generation(old: Obj | None, new: Obj) -> int:
    if old is None:
        return 1
    same = old.get("spec") == new.get("spec")
    return int(old["metadata"]["generation"]) + (0 if same else 1)


def _patched(obj: Obj, action: Patch) -> Obj:
    """A merge patch; of strategic ones only what controllers use: lists of owner references and conditions by their
    keys.
    """
    patch = _copied(action.patch)
    if action.type == "json":
        raise AssertionError("no controller sends these")
    references = (patch.get("metadata") or {}).pop("ownerReferences", None)
    conditions = None
    if action.type == "strategic":
        conditions = (patch.get("status") or {}).pop("conditions", None)
    new: Obj = merge.apply(_copied(obj), patch)
    if action.type == "strategic" and references is not None:
        new["metadata"]["ownerReferences"] = _merged(new["metadata"].get("ownerReferences"), references, "uid")
    elif references is not None:
        new["metadata"]["ownerReferences"] = references
    if conditions is not None:
        new["status"]["conditions"] = _merged(new["status"].get("conditions"), conditions, "type")
    return new


def _merged(present: list[Obj] | None, changes: list[Obj], key: str) -> list[Obj]:
    found = {item[key]: item for item in present or ()}
    for item in changes:
        if item.get("$patch") == "delete":
            found.pop(item[key], None)
        else:
            found[item[key]] = {**found.get(item[key], {}), **item}
    return list(found.values())


def template(image: str = "nginx:1.14.2", **labels: str) -> Obj:
    return {"metadata": {"labels": labels or {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}


def deployment(replicas: int = 3, image: str = "nginx:1.14.2", name: str = "web", **spec: Any) -> Obj:
    """As it is after the API's defaults."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(image, app=name),
            "strategy": strategy,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            **spec,
        },
    }


def replicaset(replicas: int = 3, name: str = "web", **spec: Any) -> Obj:
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(app="web"),
            **spec,
        },
    }


def run_pods(stage: Stage, count: int | None = None, ready: bool = True) -> int:
    """As a kubelet: starts up to ``count`` pods that do not run yet. How many there were."""
    waiting = [p for p in stage.list("Pod") if (p.get("status") or {}).get("phase") != "Running"]
    for pod in waiting[:count]:
        stage.put({**pod, "spec": {**pod["spec"], "nodeName": "n1"}, "status": running(stage.now, ready)})
    return len(waiting[:count])


def running(now: float, ready: bool = True) -> Obj:
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": timestamp.time(now)}
    return {"phase": "Running", "conditions": [condition], "podIP": "10.244.0.2"}
