from __future__ import annotations

from podo.api.meta import uid_of
from podo.controllers import replicaset as module
from tests.unit.controllers.stage import Stage, run_pods, template


def test_it_is_a_replicaset_with_a_plain_selector() -> None:
    s = Stage(module.replicationcontroller)
    orphan = {"name": "orphan", "namespace": "default", "labels": {"app": "web"}}
    s.put({"apiVersion": "v1", "kind": "Pod", "metadata": orphan, "spec": template()["spec"]})
    spec = {"replicas": 3, "selector": {"app": "web"}, "template": template()}
    metadata = {"name": "old", "namespace": "default"}
    rc = s.put({"apiVersion": "v1", "kind": "ReplicationController", "metadata": metadata, "spec": spec})
    s.run()
    run_pods(s)
    s.run()
    owners = {pod["metadata"]["ownerReferences"][0]["uid"] for pod in s.list("Pod")}
    assert len(s.list("Pod")) == 3 and owners == {uid_of(rc)}
    status = s.fresh(rc)["status"]
    assert status["readyReplicas"] == 3 and "terminatingReplicas" not in status
    s.change(rc, {"spec": {"replicas": 1}})
    s.run()
    assert len(s.list("Pod")) == 1 and s.everything() == []
