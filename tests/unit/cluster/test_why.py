"""Root causes, read from objects as a cluster has them: refusals, probes, images, what is missing, what holds."""

from __future__ import annotations

from typing import Any

from podo.cluster.why import chain
from podo.cluster.why.finding import Finding, Picture, Placement

Obj = dict[str, Any]


def made(kind: str, name: str, *, spec: Obj | None = None, status: Obj | None = None, **metadata: Any) -> Obj:
    whole = {"name": name, "namespace": "default", "uid": f"uid-{name}", **metadata}
    return {"kind": kind, "metadata": whole, "spec": spec or {}, "status": status or {}}


def event(about: Obj, reason: str, message: str, **involved: str) -> Obj:
    named = {"kind": about["kind"], "name": about["metadata"]["name"], "uid": about["metadata"]["uid"], **involved}
    found = made("Event", f"{about['metadata']['name']}-{reason}")
    return {**found, "type": "Warning", "reason": reason, "message": message, "involvedObject": named}


def picture(*objects: Obj, absent: tuple[tuple[str, str, str], ...] = (), unseen: tuple[str, ...] = ()) -> Picture:
    by_kind: dict[str, tuple[Obj, ...]] = {}
    for obj in objects:
        by_kind[obj["kind"]] = (*by_kind.get(obj["kind"], ()), obj)
    return Picture(by_kind, frozenset(absent), frozenset(unseen))


def told(obj: Obj, *others: Obj, **seen: Any) -> str:
    found = chain.why(obj, picture(obj, *others, **seen), lambda pod: Placement(("no node",)))
    assert Finding.read(found.document()) == found
    return "\n".join(found.lines())


def pod(container: Obj | None = None, state: Obj | None = None, **spec: Any) -> Obj:
    whole = {"name": "c", "image": "web:1", **(container or {})}
    status = {"name": "c", "ready": False, "restartCount": 0, **(state or {"state": {"running": {}}})}
    return made(
        "Pod",
        "p",
        spec={"nodeName": "n", "containers": [whole], **spec},
        status={"phase": "Running", "containerStatuses": [status]},
    )


NODE = made("Node", "n", namespace="", status={"conditions": [{"type": "Ready", "status": "True"}]})
RS = made("ReplicaSet", "web", spec={"replicas": 2}, status={"availableReplicas": 0})


def refused(text: str, *others: Obj) -> str:
    return told(RS, event(RS, "FailedCreate", f"Error creating: {text}"), *others)


def test_webhooks_that_deny_and_that_do_not_answer() -> None:
    hooks = {**made("ValidatingWebhookConfiguration", "guard", namespace=""), "webhooks": [{"name": "v.guard.io"}]}
    said = refused('admission webhook "v.guard.io" denied the request: image not signed', hooks)
    assert "webhook v.guard.io of ValidatingWebhookConfiguration guard: denied the request: image not signed" in said
    why = 'Internal error occurred: failed calling webhook "v.guard.io": failed to call webhook: connection refused'
    said = refused(why, hooks)
    assert "cannot be called: failed to call webhook: connection refused" in said
    assert "with failurePolicy Fail nothing is let through until it answers" in said


def test_quotas_policies_pod_security_and_accounts_that_refuse() -> None:
    text = 'pods "web-x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2'
    quota = made("ResourceQuota", "few", status={"hard": {"pods": "2"}, "used": {"pods": "2"}})
    said = refused(text, quota)
    assert "ResourceQuota default/few: allows pods=2; pods=2 was used, and pods=1 more is asked for" in said
    assert "now: pods 2 of 2" in said
    said = refused('pods "x" is forbidden: failed quota: cpu: must specify limits.cpu for: c')
    assert "ResourceQuota default/cpu: counts what containers must say: must specify limits.cpu for: c" in said
    said = refused("ValidatingAdmissionPolicy 'safe' with binding 'all' denied request: too large")
    assert "ValidatingAdmissionPolicy safe: denied the request by its binding all: too large" in said
    said = refused('pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged (container "c")')
    assert 'Namespace default: enforces Pod Security "restricted:latest": privileged (container "c")' in said
    said = refused(
        'pods "x" is forbidden: error looking up service account default/app: serviceaccount "app" not found'
    )
    assert "ServiceAccount default/app: does not exist" in said


def test_probes_that_fail() -> None:
    asked = pod(
        {"readinessProbe": {"httpGet": {"port": 8080, "path": "/ready"}}, "livenessProbe": {"tcpSocket": {"port": 1}}}
    )
    failed = event(asked, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    failed["involvedObject"]["fieldPath"] = "spec.containers{c}"
    said = told(asked, failed, NODE)
    assert "its readiness probe (GET http://:8080/ready) fails: HTTP probe failed with statuscode: 503" in said
    assert "liveness" not in said
    said = told(asked, NODE)
    assert "container c runs and is not ready (GET http://:8080/ready)" in said
    other = event(asked, "Unhealthy", "Liveness probe failed: dial tcp: refused", fieldPath="spec.containers{other}")
    assert "its liveness probe" not in told(asked, other, NODE)


def test_images_and_who_refuses_them() -> None:
    waits = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image web:1"}}}
    private = pod(state=waits, imagePullSecrets=[{"name": "key"}])
    said = told(private, event(private, "Failed", 'Failed to pull image "web:1": 401 Unauthorized'), NODE)
    assert 'image web:1: Failed to pull image "web:1": 401 Unauthorized' in said
    assert "the registry refuses it" in said and "imagePullSecrets: key" in said
    said = told(pod(state=waits), event(private, "Failed", "Failed to pull image web:1: manifest unknown"), NODE)
    assert "the registry has no such name or tag" in said
    never = {"state": {"waiting": {"reason": "ErrImageNeverPull", "message": "never"}}}
    assert "is not on the node, and imagePullPolicy is Never" in told(pod(state=never), NODE)


def test_crash_loops_with_the_last_exit() -> None:
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": "no database"}}
    waits = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}
    said = told(pod(state={"state": waits, "lastState": ended, "restartCount": 7}), NODE)
    assert "container c waits: CrashLoopBackOff: back-off 5m0s restarting failed container" in said
    assert "container c ended with exit code 1: Error: no database, started again 7 times" in said
    killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    assert "ended with exit code 137: OOMKilled" in told(pod(state={"state": waits, "lastState": killed}), NODE)


def test_config_maps_and_secrets_that_are_missing() -> None:
    refers = pod(
        {"envFrom": [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "maybe", "optional": True}}]},
        volumes=[{"name": "v", "secret": {"secretName": "key"}}, {"name": "w", "configMap": {"name": "there"}}],
    )
    gone = tuple(
        (kind, "default", name) for kind, name in (("ConfigMap", "settings"), ("Secret", "key"), ("Secret", "maybe"))
    )
    said = told(refers, NODE, absent=gone)
    assert "ConfigMap default/settings: does not exist" in said and "Secret default/key: does not exist" in said
    assert "there" not in said and "maybe" not in said


def test_what_holds_a_deletion() -> None:
    going: Obj = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    owner = made("Deployment", "web", **going, finalizers=["foregroundDeletion"])
    reference = {"uid": "uid-web", "blockOwnerDeletion": True}
    said = told(owner, made("ReplicaSet", "web-1", ownerReferences=[reference]))
    assert "is being deleted since 2026-01-01T00:00:00Z, held by foregroundDeletion" in said
    assert "foregroundDeletion: waits for its dependents: ReplicaSet default/web-1" in said
    claim = made("PersistentVolumeClaim", "data", **going, finalizers=["kubernetes.io/pvc-protection"])
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
    assert "pods use it: Pod default/p" in told(claim, pod(volumes=[volume]))
    conditions = [{"type": "NamespaceContentRemaining", "status": "True", "message": "pods. has 1 resource instances"}]
    namespace = made(
        "Namespace", "old", namespace="", **going, status={"phase": "Terminating", "conditions": conditions}
    )
    assert "NamespaceContentRemaining: pods. has 1 resource instances" in told(namespace)


def test_what_was_not_seen_is_not_said_to_be_missing() -> None:
    assert "Node n: does not exist" in told(pod())
    assert "Node n" not in told(pod(), unseen=("Node",)).replace("Running on n", "")
    waits = made("Pod", "p", spec={"resourceClaims": [{"name": "g", "resourceClaimName": "gpu"}]})
    assert "ResourceClaim default/gpu: does not exist" in told(waits)
    assert "does not exist" not in told(waits, unseen=("ResourceClaim",))
