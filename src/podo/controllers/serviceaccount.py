"""ServiceAccount: every namespace has one called default, made again when it is deleted."""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import is_deleting, namespace_of
from podo.reconcile.actions import Action, Create
from podo.reconcile.declare import Key, View, controller

DEFAULT = "default"


def _its_namespace(account: Obj, view: View) -> Iterator[Key]:
    if account["metadata"]["name"] == DEFAULT:
        yield Key("", namespace_of(account))


@controller(reconciles="Namespace", watches={"ServiceAccount": _its_namespace}, name="serviceaccount")
def reconcile(key: Key, view: View) -> Iterator[Action]:
    namespace = view.get("Namespace", key.name)
    if namespace is None or is_deleting(namespace) or view.get("ServiceAccount", DEFAULT, key.name) is not None:
        return
    metadata = {"name": DEFAULT, "namespace": key.name}
    yield Create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
