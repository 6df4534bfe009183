"""A namespace goes when the API itself knows of nothing in it: the worlds of tests/scenarios see the rest."""

from __future__ import annotations

from podo.controllers import namespace
from podo.reconcile.actions import EnsureAbsent, Update
from podo.reconcile.declare import Key
from podo.values import timestamp
from tests.unit.controllers.stage import Stage


def test_the_api_is_asked_for_each_kind_before_the_namespace_goes() -> None:
    s = Stage()
    metadata = {"name": "team", "deletionTimestamp": timestamp.time(s.now), "finalizers": ["example.com/held"]}
    s.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "spec": {"finalizers": ["kubernetes"]}})
    *asked, last = namespace.reconcile.reconcile(Key("", "team"), s)
    assert {"Pod", "ConfigMap", "Deployment", "Event"} <= {
        each.kind for each in asked if isinstance(each, EnsureAbsent)
    }
    assert all(isinstance(each, EnsureAbsent) and each.namespace == "team" for each in asked)
    assert isinstance(last, Update) and last.subresource == "finalize" and last.obj["spec"]["finalizers"] == []
