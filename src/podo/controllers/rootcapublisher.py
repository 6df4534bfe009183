"""Root CA publisher: every namespace has a ConfigMap kube-root-ca.crt with the CA that the API server's certificate is
from, for the pods' clients.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import annotations_of, is_deleting, name_of, namespace_of
from podo.reconcile.actions import Action, Create, Update
from podo.reconcile.declare import Declaration, Key, View

NAME = "kube-root-ca.crt"
_ABOUT = "kubernetes.io/description"
_DESCRIPTION = {
    _ABOUT: "Contains a CA bundle that can be used to verify the kube-apiserver when using "
    "internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across "
    "distributions of Kubernetes clusters."
}


def rootcapublisher(ca: str) -> Declaration:
    """``ca``: PEM."""
    data = {"ca.crt": ca}

    def reconcile(key: Key, view: View) -> Iterator[Action]:
        namespace = view.get("Namespace", key.name)
        if namespace is None or is_deleting(namespace):
            return
        there = view.get("ConfigMap", NAME, key.name)
        if there is None:
            metadata = {"name": NAME, "namespace": key.name, "annotations": dict(_DESCRIPTION)}
            yield Create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)})
        elif there.get("data") != data or not annotations_of(there).get(_ABOUT):
            annotations = {**annotations_of(there), **_DESCRIPTION}
            yield Update({**there, "metadata": {**there["metadata"], "annotations": annotations}, "data": dict(data)})

    return Declaration("rootcapublisher", "Namespace", reconcile, watches={"ConfigMap": _its_namespace})


def _its_namespace(found: Obj, view: View) -> Iterator[Key]:
    if name_of(found) == NAME:
        yield Key("", namespace_of(found))
