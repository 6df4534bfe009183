"""The subresources that write a part of a pod's spec: what they take, what they leave alone, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.apiserver.world import World, certificate, in_world, pod

ONE = "/api/v1/namespaces/default/pods/web"
STRATEGIC = "application/strategic-merge-patch+json"
DEBUGGER = {"name": "debugger", "image": "busybox:1.28", "stdin": True, "tty": True}


async def patched(world: World, part: str, spec: dict[str, Any], **more: Any) -> tuple[int, dict[str, Any]]:
    return await world.ask("PATCH", f"{ONE}/{part}", {"spec": spec, **more}, content_type=STRATEGIC)


async def added(world: World, *containers: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return await patched(world, "ephemeralcontainers", {"ephemeralContainers": list(containers)})


def test_containers_are_added_and_all_else_stays() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(pod("web"))
        target = {**DEBUGGER, "targetContainerName": "main"}
        status, found = await patched(
            world,
            "ephemeralcontainers",
            {"ephemeralContainers": [target], "priority": 7, "nodeName": "n1"},
            metadata={"labels": {"a": "b"}},
            status={"phase": "Failed"},
        )
        assert status == 200, found
        (container,) = found["spec"].pop("ephemeralContainers")
        assert container == {
            **target,
            "resources": {},
            "imagePullPolicy": "IfNotPresent",
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }
        assert found["spec"] == made["spec"] and found["status"] == made["status"]
        assert "labels" not in found["metadata"] and found["metadata"]["generation"] == 2
        status, seen = await world.ask("GET", f"{ONE}/ephemeralcontainers")
        assert (status, seen["kind"], len(seen["spec"]["ephemeralContainers"])) == (200, "Pod", 1)
        seen["spec"]["ephemeralContainers"].append({"name": "second", "image": "busybox:1.28"})
        status, found = await world.ask("PUT", f"{ONE}/ephemeralcontainers", seen)
        assert status == 200, found
        assert [each["name"] for each in found["spec"]["ephemeralContainers"]] == ["debugger", "second"]
        seen["metadata"]["resourceVersion"] = "1"
        assert (await world.ask("PUT", f"{ONE}/ephemeralcontainers", seen))[0] == 409

    in_world(test)


@pytest.mark.parametrize(
    ("container", "field", "message"),
    [
        ({"name": "main"}, "[0].name", 'Duplicate value: "main"'),
        ({"name": ""}, "[0].name", "Required value"),
        ({"image": ""}, "[0].image", "Required value"),
        ({"targetContainerName": "none"}, "[0].targetContainerName", 'Not found: "none"'),
        ({"ports": [{"containerPort": 80}]}, "[0].ports", "Forbidden: cannot be set for an Ephemeral Container"),
        ({"resources": {"limits": {"cpu": "1"}}}, "[0].resources", "Forbidden: cannot be set for an Ephemeral"),
        ({"livenessProbe": {"httpGet": {"port": 80}}}, "[0].livenessProbe", "Forbidden: cannot be set for an Eph"),
        (
            {"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "x"}]},
            "[0].volumeMounts[0].subPath",
            "Forbidden: cannot be set for an Ephemeral Container",
        ),
    ],
)
def test_what_an_ephemeral_container_may_not_have(container: dict[str, Any], field: str, message: str) -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web", volumes=[{"name": "v", "emptyDir": {}}]))
        status, answer = await added(world, {**DEBUGGER, **container})
        assert status == 422, answer
        causes = {cause["field"]: cause["message"] for cause in answer["details"]["causes"]}
        assert causes[f"spec.ephemeralContainers{field}"].startswith(message), causes

    in_world(test)


def test_what_was_added_neither_changes_nor_goes() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web"))
        assert (await added(world, DEBUGGER))[0] == 200
        status, answer = await added(world, {"name": "debugger", "image": "busybox:2"})
        assert status == 422
        assert 'existing ephemeral containers "debugger" may not be changed' in answer["message"]
        _, seen = await world.ask("GET", ONE)
        del seen["spec"]["ephemeralContainers"]
        status, answer = await world.ask("PUT", f"{ONE}/ephemeralcontainers", seen)
        assert status == 422
        assert 'existing ephemeral containers "debugger" may not be removed' in answer["message"]

    in_world(test)


def test_pods_themselves_neither_begin_nor_go_on_with_others() -> None:
    async def test(world: World) -> None:
        status, answer = await world.ask(
            "POST", ONE.rpartition("/")[0], pod("early", ephemeralContainers=[{"name": "x", "image": "y"}])
        )
        assert status == 422 and "cannot be set on create" in answer["message"]
        made = await world.client.create(pod("web"))
        made["spec"]["ephemeralContainers"] = [DEBUGGER]
        status, answer = await world.ask("PUT", ONE, made)
        assert status == 422 and "pod updates may not change fields other than" in answer["message"]
        mirror = pod("mirror", nodeName="n1")
        mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
        await world.client.create(mirror)
        status, answer = await world.ask(
            "PATCH",
            f"{ONE.rpartition('/')[0]}/mirror/ephemeralcontainers",
            {"spec": {"ephemeralContainers": [DEBUGGER]}},
            content_type=STRATEGIC,
        )
        assert status == 422 and "static pods do not support ephemeral containers" in answer["message"]

    in_world(test)


@pytest.mark.parametrize("part", ["ephemeralcontainers", "resize"])
def test_who_may_change_pods_may_not_by_that_change_their_parts(part: str) -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web"))
        for name, resource in (("pods", "pods"), ("parts", f"pods/{part}")):
            rules = [{"apiGroups": [""], "resources": [resource], "verbs": ["get", "patch"]}]
            meta = {"name": name, "namespace": "default"}
            await world.client.create(
                {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta, "rules": rules}
            )
            binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": meta}
            role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
            user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": f"of-{name}"}
            await world.client.create({**binding, "roleRef": role, "subjects": [user]})
        empty: dict[str, Any] = {"spec": {}}
        for who, expected in (("of-pods", 403), ("of-parts", 200)):
            asked = world.ask("PATCH", f"{ONE}/{part}", empty, content_type=STRATEGIC, who=certificate(who))
            assert (await asked)[0] == expected, who

    in_world(test)


# resize


def sized(**resources: Any) -> dict[str, Any]:
    """A pod whose container has these resources."""
    made = pod("web")
    made["spec"]["containers"][0] |= {"resources": resources}
    return made


async def resized(world: World, **container: Any) -> tuple[int, dict[str, Any]]:
    return await patched(world, "resize", {"containers": [{"name": "main", **container}]})


def test_containers_are_resized_and_all_else_stays() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(sized(requests={"cpu": "100m"}, limits={"cpu": "200m", "memory": "64Mi"}))
        status, found = await patched(
            world,
            "resize",
            {
                "containers": [{"name": "main", "image": "other:1", "resources": {"limits": {"cpu": "300m"}}}],
                "priority": 7,
            },
            metadata={"labels": {"a": "b"}},
        )
        assert status == 200, found
        (container,) = found["spec"]["containers"]
        assert container["resources"] == {
            "requests": {"cpu": "100m", "memory": "64Mi"},
            "limits": {"cpu": "300m", "memory": "64Mi"},
        }
        (before,) = made["spec"]["containers"]
        assert container == {**before, "resources": container["resources"]}
        assert found["spec"].get("priority") == made["spec"].get("priority") and "labels" not in found["metadata"]
        assert found["metadata"]["generation"] == 2
        status, seen = await world.ask("GET", f"{ONE}/resize")
        assert (status, seen) == (200, found)
        seen["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "150m"
        status, found = await world.ask("PUT", f"{ONE}/resize", seen)
        assert (status, found["metadata"]["generation"]) == (200, 3)
        status, answer = await world.ask("PUT", ONE, {**found, "spec": made["spec"]})
        assert status == 422 and "pod updates may not change fields other than" in answer["message"]

    in_world(test)


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"resources": {"requests": {"cpu": "300m"}}}, "must be less than or equal to cpu limit of 200m"),
        ({"resources": {"requests": {"cpu": "200m", "memory": "64Mi"}}}, "Pod QOS Class may not change as a result of"),
        ({"resources": {"limits": {"memory": None}}}, "resource limits cannot be removed"),
        ({"resources": {"requests": {"cpu": "-1"}}}, "must be greater than or equal to 0"),
        ({"resources": {"requests": {"ephemeral-storage": "1Gi"}}}, "only cpu and memory resources are mutable"),
        (
            {"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]},
            "only cpu and memory resources are mutable",
        ),
    ],
)
def test_what_a_resize_may_not_change(container: dict[str, Any], message: str) -> None:
    async def test(world: World) -> None:
        amounts = {"requests": {"cpu": "100m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}
        await world.client.create(sized(**amounts))
        status, answer = await resized(world, **container)
        assert status == 422 and message in answer["message"], answer

    in_world(test)


def test_the_resources_of_a_whole_pod_stay_and_who_resizes_them_is_told() -> None:
    async def test(world: World) -> None:
        made = pod("web", resources={"requests": {"cpu": "500m"}, "limits": {"cpu": "1", "memory": "1Gi"}})
        made["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m", "memory": "32Mi"}}
        whole = (await world.client.create(made))["spec"]["resources"]
        status, found = await resized(world, resources={"requests": {"cpu": "200m"}})
        assert status == 200 and found["spec"]["resources"] == whole
        status, answer = await patched(world, "resize", {"resources": {"limits": {"cpu": "2"}}})
        why = "spec.resources: Forbidden: resizing the resources of a whole pod is not supported"
        assert status == 422 and why in answer["message"]

    in_world(test)


def test_a_best_effort_pod_stays_one() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web"))
        status, answer = await resized(world, resources={"requests": {"memory": "40Mi"}})
        assert status == 422
        why = 'spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing'
        assert why in answer["message"]

    in_world(test)


def test_sidecars_are_resized_and_what_ends_is_not() -> None:
    async def test(world: World) -> None:
        amounts = {"limits": {"cpu": "100m", "memory": "32Mi"}}
        inits = [{"name": "first", "image": "a:1", "resources": amounts}]
        inits += [{"name": "beside", "image": "a:1", "restartPolicy": "Always", "resources": amounts}]
        made = sized(**amounts)
        made["spec"]["initContainers"] = inits
        await world.client.create(made)
        more = {"requests": {"cpu": "200m"}, "limits": {"cpu": "200m"}}
        spec = {"initContainers": [{"name": "beside", "resources": more}]}
        status, found = await patched(world, "resize", spec)
        assert status == 200, found
        limits = [each["resources"]["limits"]["cpu"] for each in found["spec"]["initContainers"]]
        assert limits == ["100m", "200m"]
        status, refused = await patched(world, "resize", {"initContainers": [{"name": "first", "resources": more}]})
        why = "spec: Forbidden: resources for non-sidecar init containers are immutable"
        assert status == 422 and why in refused["message"]
        found["spec"]["initContainers"].reverse()
        status, refused = await world.ask("PUT", f"{ONE}/resize", found)
        assert status == 422
        assert [(one["field"], one["message"]) for one in refused["details"]["causes"]] == [
            (f"spec.initContainers[{at}].name", "Forbidden: initContainers may not be renamed or reordered on resize")
            for at in (0, 1)
        ]

    in_world(test)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ([{"resourceName": "cpu", "restartPolicy": "RestartContainer"}], "must be 'NotRequired' when pod"),
        ([{"resourceName": "cpu", "restartPolicy": "NotRequired"}] * 2, 'Duplicate value: "cpu"'),
        ([{"resourceName": "gpu", "restartPolicy": "NotRequired"}], 'Unsupported value: "gpu"'),
        ([{"resourceName": "cpu"}], "Required value"),
    ],
)
def test_what_a_resize_policy_must_be_like(policy: list[dict[str, str]], message: str) -> None:
    async def test(world: World) -> None:
        made = sized(limits={"cpu": "1"})
        made["spec"] |= {"restartPolicy": "Never"}
        made["spec"]["containers"][0]["resizePolicy"] = policy
        status, answer = await world.ask("POST", ONE.rpartition("/")[0], made)
        assert status == 422 and message in answer["message"], answer

    in_world(test)
