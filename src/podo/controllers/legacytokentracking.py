"""Since when the use of legacy service-account tokens is noted: the ConfigMap
kube-apiserver-legacy-service-account-token-tracking in kube-system says so. (``cluster.legacytokenuse`` notes it.)

Source: "Legacy ServiceAccount token tracking controller" of the Kubernetes documentation (KEP-2799).
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import is_deleting, name_of, namespace_of
from podo.reconcile.actions import Action, CheckAgain, Create, Update
from podo.reconcile.declare import Declaration, Key, View
from podo.values import timestamp

NAMESPACE, NAME, SINCE = "kube-system", "kube-apiserver-legacy-service-account-token-tracking", "since"
#: Who deletes it gets another one after so many seconds, not at once.
PAUSE = 1800.0


def tracked_since(view: View) -> float | None:
    """The beginning of the day; None where it is not known."""
    found = view.get("ConfigMap", NAME, NAMESPACE)
    return None if found is None else timestamp.start_of_day((found.get("data") or {}).get(SINCE) or "")


def legacytokentracking() -> Declaration:
    """The controller. It remembers when the ConfigMap was made that it has seen."""
    made = -PAUSE

    def reconcile(key: Key, view: View) -> Iterator[Action]:
        nonlocal made
        namespace = view.get("Namespace", NAMESPACE)
        if namespace is None or is_deleting(namespace):
            return
        data = {SINCE: timestamp.day(view.now)}
        there = view.get("ConfigMap", NAME, NAMESPACE)
        if there is not None:
            made = timestamp.parse(there["metadata"]["creationTimestamp"])
            if tracked_since(view) is None:
                yield Update({**there, "data": {**(there.get("data") or {}), **data}})
        elif view.now < made + PAUSE:
            yield CheckAgain(made + PAUSE - view.now)
        else:
            metadata = {"name": NAME, "namespace": NAMESPACE}
            yield Create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})

    watches = {"ConfigMap": _itself}
    return Declaration("legacytokentracking", "Namespace", reconcile, watches=watches, minds=is_its_namespace)


def is_its_namespace(namespace: Obj) -> bool:
    return name_of(namespace) == NAMESPACE


def _itself(found: Obj, view: View) -> Iterator[Key]:
    if name_of(found) == NAME and namespace_of(found) == NAMESPACE:
        yield Key("", NAMESPACE)
