"""Server-side apply and managedFields through the API: documented examples, conflicts, migration, subresources."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podo.api.errors import ApiError
from podo.apiserver.fieldmanagement.entries import MAX_UPDATES
from tests.unit.apiserver.world import World, in_world, pod

APPLY = "application/apply-patch+yaml"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MAPS = "/api/v1/namespaces/default/configmaps"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

Obj = dict[str, Any]


def deployment(**spec: Any) -> Obj:
    """The example of the documentation."""
    template = {
        "metadata": {"labels": {"app": "nginx"}},
        "spec": {"containers": [{"name": "nginx", "image": "nginx:1.14.2"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "nginx", "labels": {"app": "nginx"}},
        "spec": {"selector": {"matchLabels": {"app": "nginx"}}, "template": template, **spec},
    }


def only(**spec: Any) -> Obj:
    """A configuration of a few fields of the Deployment."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "nginx"}, "spec": spec}


def config_map(**data: str) -> Obj:
    metadata = {"name": "m", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def applied(world: World, config: Obj, manager: str = "kubectl", *, more: str = "", path: str = "") -> Any:
    """(status, answer) of an apply over HTTP."""
    place = path or (f"{MAPS}/m" if config.get("kind") == "ConfigMap" else f"{DEPLOYMENTS}/nginx")
    return await world.ask("PATCH", f"{place}?fieldManager={manager}{more}", config, content_type=APPLY)


def owners(obj: Obj) -> dict[tuple[str, str, str], Any]:
    entries = obj["metadata"].get("managedFields") or ()
    assert all(entry["fieldsType"] == "FieldsV1" and entry["apiVersion"] == obj["apiVersion"] for entry in entries)
    return {(e["manager"], e["operation"], e.get("subresource", "")): e["fieldsV1"] for e in entries}


def test_apply_creates_and_owns_exactly_what_it_says() -> None:
    async def test(world: World) -> None:
        status, made = await applied(world, deployment())
        assert status == 201 and made["spec"]["replicas"] == 1
        assert owners(made) == {
            ("kubectl", "Apply", ""): {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {
                    "f:selector": {},
                    "f:template": {
                        "f:metadata": {"f:labels": {"f:app": {}}},
                        "f:spec": {"f:containers": {'k:{"name":"nginx"}': {".": {}, "f:name": {}, "f:image": {}}}},
                    },
                },
            }
        }
        status, again = await applied(world, deployment())
        assert (status, again) == (200, made)

    in_world(test)


def test_conflicts_and_force() -> None:
    async def test(world: World) -> None:
        await applied(world, deployment(replicas=3))
        status, refusal = await applied(world, only(replicas=4), "scaler")
        assert (status, refusal["reason"], refusal["message"]) == (
            409,
            "Conflict",
            'Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas',
        )
        assert refusal["details"]["causes"] == [
            {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl"', "field": ".spec.replicas"}
        ]
        status, forced = await applied(world, only(replicas=4), "scaler", more="&force=true")
        assert status == 200 and forced["spec"]["replicas"] == 4
        assert owners(forced)["scaler", "Apply", ""] == {"f:spec": {"f:replicas": {}}}
        assert "f:replicas" not in owners(forced)["kubectl", "Apply", ""]["f:spec"]
        assert (await applied(world, deployment(replicas=3)))[0] == 409
        assert (await applied(world, deployment()))[0] == 200

    in_world(test)


def test_conflicts_with_updates_tell_the_version() -> None:
    async def test(world: World) -> None:
        await world.ask("POST", f"{DEPLOYMENTS}?fieldManager=kubectl-client-side-apply", deployment(replicas=1))
        config = deployment(replicas=2)
        config["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2"
        _, refusal = await applied(world, config, "other")
        head, *lines = refusal["message"].split("\n")
        assert head == 'Apply failed with 2 conflicts: conflicts with "kubectl-client-side-apply" using apps/v1:'
        assert lines == ["- .spec.replicas", '- .spec.template.spec.containers[name="nginx"].image']
        _, refusal = await applied(world, only(replicas=2), "other")
        assert refusal["message"] == (
            'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas'
        )

    in_world(test)


def test_handing_a_field_over() -> None:
    """ "Transferring ownership": who manages replicas next applies them first, then the first lets go."""

    async def test(world: World) -> None:
        await applied(world, deployment(replicas=3))
        _, shared = await applied(world, only(replicas=3), "scaler")
        assert {"kubectl", "scaler"} == {manager for manager, *_ in owners(shared)}
        _, handed = await applied(world, deployment())
        assert handed["spec"]["replicas"] == 3
        _, gone = await applied(world, only(), "scaler")
        assert gone["spec"]["replicas"] == 1  # nobody owns it: the default

    in_world(test)


def test_fields_no_longer_applied_go() -> None:
    async def test(world: World) -> None:
        await applied(world, config_map(a="1", b="2"))
        await world.client.patch("ConfigMap", "m", "default", patch={"data": {"c": "3"}}, field_manager="me")
        _, found = await applied(world, config_map(a="1"))
        assert found["data"] == {"a": "1", "c": "3"}
        assert owners(found)["me", "Update", ""] == {"f:data": {"f:c": {}}}

    in_world(test)


def test_an_update_takes_what_it_changes() -> None:
    async def test(world: World) -> None:
        await applied(world, config_map(a="1", b="2"))
        found = await world.client.get("ConfigMap", "m", "default")
        del found["metadata"]["managedFields"]  # clients that do not know them do no harm
        found["data"] = {"a": "9", "c": "3"}
        status, found = await world.ask("PUT", f"{MAPS}/m", found, user_agent="my-program/1.0 (linux)")
        assert status == 200
        assert owners(found) == {
            ("my-program", "Update", ""): {"f:data": {"f:a": {}, "f:c": {}}},
        }
        status, again = await world.ask("PUT", f"{MAPS}/m", found, user_agent="another")
        assert again == found

    in_world(test)


def test_creating_owns_all_but_what_the_server_sets() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(pod("web", priority=0))
        (fields,) = owners(made).values()
        assert [key for key, *_ in owners(made)] == ["kube-apiserver"]
        assert set(fields) == {"f:spec"}  # its metadata has only a name and a namespace
        assert fields["f:spec"]["f:containers"] == {
            'k:{"name":"main"}': {
                ".": {},
                "f:image": {},
                "f:imagePullPolicy": {},
                "f:name": {},
                "f:resources": {},
                "f:terminationMessagePath": {},
                "f:terminationMessagePolicy": {},
            }
        }
        assert "." not in fields["f:spec"] and "f:restartPolicy" in fields["f:spec"]

    in_world(test)


def test_status_has_entries_of_its_own() -> None:
    async def test(world: World) -> None:
        await applied(world, deployment())
        conditions = [{"type": "Fine", "status": "True"}]
        status = {"apiVersion": "apps/v1", "kind": "Deployment", "status": {"conditions": conditions}}
        path = f"{DEPLOYMENTS}/nginx/status"
        code, found = await applied(world, {**status, "spec": {"replicas": 7}}, "operator", path=path)
        assert code == 200 and found["status"]["conditions"][0]["type"] == "Fine" and found["spec"]["replicas"] == 1
        key = 'k:{"type":"Fine"}'
        assert owners(found)["operator", "Apply", "status"] == {
            "f:status": {"f:conditions": {key: {".": {}, "f:status": {}, "f:type": {}}}}
        }
        found = await world.client.patch(
            "Deployment", "nginx", "default", patch={"status": {"replicas": 2}}, subresource="status"
        )
        assert owners(found)["kube-apiserver", "Update", "status"] == {"f:status": {"f:replicas": {}}}
        conditions[0]["status"] = "False"
        code, refusal = await applied(world, status, "other", path=path)
        assert code == 409 and 'conflict with "operator" with subresource "status": ' in refusal["message"]
        code, found = await applied(world, {**deployment(), "status": {"replicas": 9}})
        assert code == 200 and found["status"]["replicas"] == 2
        assert "f:status" not in owners(found)["kubectl", "Apply", ""]

    in_world(test)


def test_scale_owns_the_replicas_of_the_object() -> None:
    async def test(world: World) -> None:
        await applied(world, deployment(replicas=2))
        path = f"{DEPLOYMENTS}/nginx/scale"
        scale = {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "nginx"},
            "spec": {"replicas": 5},
        }
        code, refusal = await applied(world, scale, "hpa", path=path)
        assert code == 409 and refusal["details"]["causes"][0]["field"] == ".spec.replicas"
        code, found = await applied(world, scale, "hpa", path=path, more="&force=true")
        assert code == 200 and found["spec"]["replicas"] == 5
        found = await world.client.get("Deployment", "nginx", "default")
        assert owners(found)["hpa", "Apply", "scale"] == {"f:spec": {"f:replicas": {}}}
        assert "f:replicas" not in owners(found)["kubectl", "Apply", ""]["f:spec"]
        scale["spec"] = {"replicas": 6}
        code, _ = await world.ask("PUT", f"{path}?fieldManager=kubectl", scale)
        found = await world.client.get("Deployment", "nginx", "default")
        assert owners(found)["kubectl", "Update", "scale"] == {"f:spec": {"f:replicas": {}}}
        assert ("hpa", "Apply", "scale") not in owners(found)
        code, refusal = await applied(world, deployment(replicas=2))
        assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in refusal["message"]
        bad: Any
        for bad in ({**scale, "spec": {"replicas": -1}}, {**scale, "spec": 3}, {**scale, "kind": "x"}, [], {}):
            assert (await applied(world, bad, "hpa", path=path))[0] in (400, 422)

    in_world(test)


@pytest.mark.parametrize("reset", [[], [{}]])
def test_managed_fields_can_be_forgotten(reset: list[Any]) -> None:
    async def test(world: World) -> None:
        made = await world.client.create(config_map(a="1"))
        made["metadata"]["managedFields"] = reset
        found = await world.client.update(made)
        assert "managedFields" not in found["metadata"]
        found = await world.client.patch("ConfigMap", "m", "default", patch={"data": {"b": "1"}})
        assert "managedFields" not in found["metadata"]
        code, refusal = await applied(world, config_map(a="2"))
        assert code == 409 and refusal["message"].startswith(
            'Apply failed with 1 conflict: conflict with "before-first-apply" using v1'
        )
        _, found = await applied(world, config_map(a="2"), more="&force=true")
        assert owners(found) == {
            ("before-first-apply", "Update", ""): {"f:data": {".": {}, "f:b": {}}},
            ("kubectl", "Apply", ""): {"f:data": {"f:a": {}}},
        }

    in_world(test)


def test_entries_can_be_rewritten_and_bad_ones_are_not_taken() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(config_map(a="1"))
        entry = made["metadata"]["managedFields"][0]
        for bad in (
            {**entry, "operation": "Guess"},
            {**entry, "fieldsType": ""},
            {**entry, "fieldsV1": {"data": {}}},
            {**entry, "apiVersion": ""},
        ):
            body = {**made, "metadata": {**made["metadata"], "managedFields": [bad]}}
            status, found = await world.ask("PUT", f"{MAPS}/m", body)
            assert (status, found["metadata"]["managedFields"]) == (200, [entry])
        patch = [{"op": "replace", "path": "/metadata/managedFields/0/manager", "value": "renamed"}]
        found = await world.client.patch("ConfigMap", "m", "default", patch=patch, type="json")
        assert [key for key, *_ in owners(found)] == ["renamed"]
        metadata = {**found["metadata"], "name": "copy", "resourceVersion": ""}
        copied = await world.client.create({**config_map(a="1"), "metadata": metadata})
        assert ("kube-apiserver", "Update", "") in owners(copied)

    in_world(test)


def test_client_side_apply_can_go_over() -> None:
    """Without force, but only for what is still as it was applied; the annotation follows."""

    async def test(world: World) -> None:
        config = config_map(a="1", b="2")
        text = orjson.dumps(config).decode()
        config["metadata"]["annotations"] = {LAST_APPLIED: text}
        await world.ask("POST", f"{MAPS}?fieldManager=kubectl-client-side-apply", config)
        await world.client.patch("ConfigMap", "m", "default", patch={"data": {"b": "changed"}}, field_manager="me")
        code, refusal = await applied(world, config_map(a="9", b="9"))
        assert refusal["message"] == 'Apply failed with 1 conflict: conflict with "me" using v1: .data.b'
        code, _ = await applied(world, config_map(a="9"), "not-kubectl")
        assert code == 409
        code, found = await applied(world, config_map(a="9"))
        assert code == 200 and found["data"] == {"a": "9", "b": "changed"}
        assert orjson.loads(found["metadata"]["annotations"][LAST_APPLIED]) == config_map(a="9")

    in_world(test)


def test_refused_configurations() -> None:
    async def test(world: World) -> None:
        async def refused(config: Any, more: str = "", path: str = f"{MAPS}/m") -> Obj:
            status, found = await world.ask("PATCH", f"{path}?fieldManager=f{more}", config, content_type=APPLY)
            assert status in (400, 409, 422), (status, found)
            assert found["code"] == status
            return found

        good = config_map(a="1")
        named = await refused({**good, "metadata": {"name": "x"}})
        assert named["message"] == "the name of the object (x) does not match the name on the URL (m)"
        spaced = await refused({**good, "metadata": {"namespace": "x"}})
        assert spaced["message"].startswith("the namespace of the provided object does not match")
        assert "invalid object type" in (await refused({**good, "kind": "Secret"}))["message"]
        assert "invalid object type" in (await refused({"data": {}}))["message"]
        assert "Specified patch version: v2" in (await refused({**good, "apiVersion": "v2"}))["message"]
        held = await refused({**good, "metadata": {"managedFields": []}})
        assert held["message"] == "metadata.managedFields must be nil"
        unknown = await refused({**good, "dat": {}})
        assert unknown["message"] == (
            "failed to create typed patch object (default/m; v1, Kind=ConfigMap): .dat: field not declared in schema"
        )
        await refused({**good, "data": {"a": 1}})
        await refused({**good, "metadata": 3})
        await refused([])
        await refused(b"a: [")
        await refused({**good, "metadata": {"uid": "no such"}})
        twice = await refused(
            b'{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"1","a":"2"}}', "&fieldValidation=Strict"
        )
        assert 'duplicate field "data.a"' in twice["message"]
        long = await refused(good, "a" * 128)
        assert long["message"].startswith('PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long')
        status, none = await world.ask("PATCH", f"{MAPS}/m", good, content_type=APPLY)
        assert (status, none["message"]) == (
            422,
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
        )
        merge = "application/merge-patch+json"
        status, forced = await world.ask("PATCH", f"{MAPS}/m?force=true", {}, content_type=merge)
        assert status == 422 and "force: Forbidden: may not be specified for non-apply patch" in forced["message"]
        await applied(world, good)
        stale = await refused({**good, "metadata": {"resourceVersion": "1"}})
        assert stale["code"] == 409 and "the object has been modified" in stale["message"]
        other = await refused({**good, "metadata": {"uid": "another"}})
        assert other["code"] == 422 and "metadata.uid: Invalid value" in other["message"]

    in_world(test)


def test_apply_reads_yaml_and_can_be_rehearsed() -> None:
    async def test(world: World) -> None:
        text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: '1'}\n"
        path = f"{MAPS}/m?fieldManager=me"
        status, _ = await world.ask("PATCH", f"{path}&dryRun=All", text, content_type=APPLY)
        assert status == 201 and (await world.ask("GET", f"{MAPS}/m"))[0] == 404
        status, found = await world.ask("PATCH", path, text, content_type=APPLY)
        assert status == 201 and found["data"] == {"a": "1"}
        before = await world.client.get("ConfigMap", "m", "default")
        status, found = await world.ask("PATCH", f"{path}&dryRun=All", config_map(a="2"), content_type=APPLY)
        assert status == 200 and found["data"] == {"a": "2"}
        assert await world.client.get("ConfigMap", "m", "default") == before

    in_world(test)


def test_null_in_an_apply_unsets() -> None:
    async def test(world: World) -> None:
        await applied(world, deployment(replicas=3))
        _, found = await applied(world, deployment(replicas=None))
        assert found["spec"]["replicas"] == 1
        assert owners(found)["kubectl", "Apply", ""]["f:spec"]["f:replicas"] == {}

    in_world(test)


def test_old_updates_are_merged_into_one_entry() -> None:
    async def test(world: World) -> None:
        await world.client.create(config_map())
        for number in range(MAX_UPDATES + 3):
            patch = {"data": {f"k{number}": "1"}}
            await world.client.patch("ConfigMap", "m", "default", patch=patch, field_manager=f"m{number:02}")
        found = owners(await world.client.get("ConfigMap", "m", "default"))
        assert len(found) == MAX_UPDATES
        ancient = found["ancient-changes", "Update", ""]
        assert {f"f:k{number}" for number in range(3)} <= set(ancient["f:data"])

    in_world(test)


def test_the_local_client_applies_under_its_own_name() -> None:
    async def test(world: World) -> None:
        found = await world.client.patch("ConfigMap", "m", "default", patch=config_map(a="1"), type="apply")
        assert owners(found) == {("kube-apiserver", "Apply", ""): {"f:data": {"f:a": {}}}}
        with pytest.raises(ApiError, match="Apply failed with 1 conflict") as refusal:
            await world.client.patch(
                "ConfigMap", "m", "default", patch=config_map(a="2"), type="apply", field_manager="other"
            )
        assert refusal.value.code == 409
        found = await world.client.patch(
            "ConfigMap", "m", "default", patch=config_map(a="2"), type="apply", field_manager="other", force=True
        )
        assert owners(found) == {("other", "Apply", ""): {"f:data": {"f:a": {}}}}

    in_world(test)


def test_binding_is_nobodys() -> None:
    async def test(world: World) -> None:
        made = await world.client.create(pod("web"))
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": "web", "namespace": "default"},
            "target": {"kind": "Node", "name": "n1"},
        }
        await world.client.create(binding, subresource="binding")
        found = await world.client.get("Pod", "web", "default")
        assert found["spec"]["nodeName"] == "n1"
        assert found["metadata"]["managedFields"] == made["metadata"]["managedFields"]

    in_world(test)


VALUES = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("123"), max_size=4)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), VALUES, st.booleans()), min_size=1, max_size=6))
def test_every_field_has_an_owner_whatever_is_written(writes: list[tuple[str, dict[str, str], bool]]) -> None:
    async def test(world: World) -> None:
        await world.client.create(config_map())
        for manager, data, applies in writes:
            kind = "apply" if applies else "merge"
            patch = config_map(**data) if applies else {"data": data}
            found = await world.client.patch(
                "ConfigMap", "m", "default", patch=patch, type=kind, field_manager=manager, force=applies
            )
            assert {key: found.get("data", {}).get(key) for key in data} == data
            owned: set[str] = set()
            for fields in owners(found).values():
                owned |= set(fields.get("f:data", {})) - {"."}
            assert {f"f:{key}" for key in found.get("data", {})} == owned

    in_world(test)
