"""Default classes, protection of storage in use, growth of claims, and who may take external addresses."""

from __future__ import annotations

from typing import Any

from tests.unit.apiserver.world import World, certificate, in_world, service

BASE = "/api/v1/namespaces/default"
CLAIMS, SERVICES = f"{BASE}/persistentvolumeclaims", f"{BASE}/services"
STORAGE, INGRESSES = "/apis/storage.k8s.io/v1/storageclasses", "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
MERGE = "application/merge-patch+json"


def claim(name: str = "c", size: str = "1Gi", **spec: Any) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def storage_class(name: str, default: bool, **more: Any) -> dict[str, Any]:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true" if default else "false"}
    metadata = {"name": name, "annotations": annotations}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": metadata,
        "provisioner": "p.io/x",
    } | more


async def made(world: World, target: str, obj: dict[str, Any]) -> dict[str, Any]:
    status, answer = await world.ask("POST", target, obj)
    assert status == 201, answer
    return answer


def test_a_claim_without_a_class_gets_the_default_one() -> None:
    async def test(world: World) -> None:
        assert "storageClassName" not in (await made(world, CLAIMS, claim("early")))["spec"]
        for name, default in (("b", True), ("a", True), ("none", False)):
            await made(world, STORAGE, storage_class(name, default))
        assert (await made(world, CLAIMS, claim("one")))["spec"]["storageClassName"] in ("a", "b")
        assert (await made(world, CLAIMS, claim("two", storageClassName="none")))["spec"]["storageClassName"] == "none"
        assert (await made(world, CLAIMS, claim("off", storageClassName="")))["spec"]["storageClassName"] == ""

    in_world(test)


def test_an_ingress_without_a_class_gets_the_default_one() -> None:
    async def test(world: World) -> None:
        annotations = {"ingressclass.kubernetes.io/is-default-class": "true"}
        kind = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass"}
        spec = {"controller": "example.com/c"}
        classes = "/apis/networking.k8s.io/v1/ingressclasses"
        await made(world, classes, {**kind, "metadata": {"name": "web", "annotations": annotations}, "spec": spec})
        backend = {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}
        ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i"}, "spec": backend}
        assert (await made(world, INGRESSES, ingress))["spec"]["ingressClassName"] == "web"
        old = {"name": "old", "annotations": {"kubernetes.io/ingress.class": "other"}}
        assert "ingressClassName" not in (await made(world, INGRESSES, {**ingress, "metadata": old}))["spec"]

    in_world(test)


def test_claims_and_volumes_are_protected() -> None:
    async def test(world: World) -> None:
        assert (await made(world, CLAIMS, claim()))["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
        spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/tmp/x"}}
        volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": spec}
        found = await made(world, "/api/v1/persistentvolumes", volume)
        assert found["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]

    in_world(test)


def test_a_pod_written_again_without_tolerations_keeps_those_it_was_given() -> None:
    async def test(world: World) -> None:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
        pod["spec"] = {"containers": [{"name": "c", "image": "nginx"}]}
        first = await made(world, f"{BASE}/pods", pod)
        given = first["spec"]["tolerations"]
        again = {**first, "spec": {field: value for field, value in first["spec"].items() if field != "tolerations"}}
        status, answer = await world.ask("PUT", f"{BASE}/pods/p", again)
        assert status == 200, answer
        assert answer["spec"]["tolerations"] == given and len(given) == 2
        assert answer["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]

    in_world(test)


def test_only_bound_claims_of_classes_that_allow_it_grow() -> None:
    async def test(world: World) -> None:
        await made(world, STORAGE, storage_class("fixed", False))
        await made(world, STORAGE, storage_class("grows", False, allowVolumeExpansion=True))
        larger = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
        for name in ("fixed", "grows"):
            await made(world, CLAIMS, claim(name, storageClassName=name, volumeName="v"))
            bound = {"status": {"phase": "Bound"}}
            await world.ask("PATCH", f"{CLAIMS}/{name}/status", bound, content_type=MERGE)
        status, answer = await world.ask("PATCH", f"{CLAIMS}/fixed", larger, content_type=MERGE)
        assert status == 403 and "the storageclass that provisions the pvc must support resize" in answer["message"]
        status, answer = await world.ask("PATCH", f"{CLAIMS}/grows", larger, content_type=MERGE)
        assert status == 200 and answer["spec"]["resources"]["requests"]["storage"] == "2Gi"

    in_world(test)


def test_external_addresses_take_a_right_of_their_own() -> None:
    """CVE-2020-8554: who may write Services could take the traffic to any address."""

    async def test(world: World) -> None:
        role = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
        rules = [{"apiGroups": [""], "resources": ["services"], "verbs": ["create", "update", "patch", "get"]}]
        kind = {"apiVersion": "rbac.authorization.k8s.io/v1"}
        writer = {**kind, "kind": "Role", "metadata": {"name": "writer"}, "rules": rules}
        await made(world, f"{role}/roles", writer)
        bind = {
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "writer"},
            "subjects": [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}],
        }
        await made(world, f"{role}/rolebindings", {**kind, "kind": "RoleBinding", "metadata": {"name": "w"}, **bind})
        jane = certificate("jane")
        status, answer = await world.ask("POST", SERVICES, service("s", externalIPs=["8.8.8.8"]), who=jane)
        assert status == 403 and "Use of external IPs is denied by admission control" in answer["message"]
        status, _ = await world.ask("POST", SERVICES, service("s"), who=jane)
        assert status == 201
        more = {"spec": {"externalIPs": ["8.8.8.8"]}}
        status, answer = await world.ask("PATCH", f"{SERVICES}/s", more, who=jane, content_type=MERGE)
        assert status == 403, answer
        status, _ = await world.ask("PATCH", f"{SERVICES}/s", more, content_type=MERGE)
        assert status == 200, "an administrator may"
        label = {"metadata": {"labels": {"a": "b"}}}
        status, _ = await world.ask("PATCH", f"{SERVICES}/s", label, who=jane, content_type=MERGE)
        assert status == 200, "what is there stays"
        rules[0]["verbs"].append("use-external-ips")
        status, answer = await world.ask("PUT", f"{role}/roles/writer", writer)
        assert status == 200, answer
        status, _ = await world.ask("POST", SERVICES, service("t", externalIPs=["8.8.8.8"]), who=jane)
        assert status == 201

    in_world(test)


def test_a_question_about_a_namespace_that_is_not_there_is_answered() -> None:
    async def test(world: World) -> None:
        path = "/apis/authorization.k8s.io/v1/namespaces/absent/localsubjectaccessreviews"
        spec = {"user": "ann", "resourceAttributes": {"namespace": "absent", "verb": "get", "resource": "pods"}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "LocalSubjectAccessReview", "spec": spec}
        status, found = await world.ask("POST", path, {**review, "metadata": {"namespace": "absent"}})
        assert (status, found["status"]["allowed"]) == (201, False)

    in_world(test)
