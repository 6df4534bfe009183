"""The API over HTTP: forms of answers, refusals, discovery, health."""

from __future__ import annotations

import yaml

from podo.http.message import Response
from tests.unit.apiserver.world import TABLE, World, certificate, in_world, pod, text_of

PODS = "/api/v1/namespaces/default/pods"


def test_a_table_for_kubectl_get() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web"))
        status, table = await world.ask("GET", PODS, accept=TABLE)
        assert (status, table["kind"]) == (200, "Table")
        assert [column["name"] for column in table["columnDefinitions"]][:3] == ["Name", "Ready", "Status"]
        (row,) = table["rows"]
        assert row["cells"][:3] == ["web", "0/1", "Pending"]
        assert row["object"]["kind"] == "PartialObjectMetadata" and "spec" not in row["object"]
        _, table = await world.ask("GET", f"{PODS}/web?includeObject=Object", accept=TABLE)
        assert table["rows"][0]["object"]["spec"]["containers"]
        _, table = await world.ask("GET", f"{PODS}?includeObject=None", accept=TABLE)
        assert table["rows"][0]["object"] is None
        assert (await world.ask("GET", f"{PODS}?includeObject=Some", accept=TABLE))[0] == 400

    in_world(test)


def test_metadata_only_yaml_and_what_is_not_served() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web"))
        partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
        _, listed = await world.ask("GET", PODS, accept=partial)
        assert listed["kind"] == "PartialObjectMetadataList"
        assert set(listed["items"][0]) == {"kind", "apiVersion", "metadata"}
        found = await world.answer("GET", f"{PODS}/web", accept="application/yaml")
        assert isinstance(found, Response) and found.content_type == "application/yaml"
        assert yaml.safe_load(text_of(found)) == await world.client.get("Pod", "web", "default")
        status, error = await world.ask("GET", PODS, accept="application/cbor")
        assert (status, error["reason"]) == (406, "NotAcceptable")
        assert (await world.ask("GET", PODS, accept="application/cbor,application/json"))[0] == 200
        status, error = await world.ask("POST", PODS, b"k8s\0", content_type="application/vnd.kubernetes.protobuf")
        assert (status, error["reason"]) == (415, "UnsupportedMediaType")

    in_world(test)


def test_bodies_in_yaml() -> None:
    async def test(world: World) -> None:
        body = yaml.safe_dump(pod("web")).encode()
        status, made = await world.ask("POST", PODS, body, content_type="application/yaml")
        assert (status, made["metadata"]["name"]) == (201, "web")

    in_world(test)


def test_unknown_fields_are_refused_warned_of_or_ignored() -> None:
    async def test(world: World) -> None:
        bad = pod("web")
        bad["spec"]["containerz"] = []
        status, error = await world.ask("POST", f"{PODS}?fieldValidation=Strict", bad)
        assert status == 400 and 'unknown field "spec.containerz"' in error["message"]
        twice = b'{"metadata":{"name":"x","name":"y"},"spec":{"containers":[{"name":"c","image":"i"}]}}'
        status, error = await world.ask("POST", f"{PODS}?fieldValidation=Strict", twice)
        assert status == 400 and 'duplicate field "metadata.name"' in error["message"]
        found = await world.answer("POST", f"{PODS}?fieldValidation=Warn", bad)
        assert isinstance(found, Response) and found.status == 201
        assert dict(found.headers)["Warning"] == '299 - "unknown field \\"spec.containerz\\""'
        assert b"containerz" not in text_of(found)
        found = await world.answer(
            "POST", f"{PODS}?fieldValidation=Ignore&dryRun=All", {**bad, "metadata": {"name": "b"}}
        )
        assert isinstance(found, Response) and (found.status, "Warning" in dict(found.headers)) == (201, False)
        assert (await world.ask("POST", f"{PODS}?fieldValidation=Maybe", bad))[0] == 422
        assert (await world.ask("POST", f"{PODS}?dryRun=Some", bad))[0] == 422

    in_world(test)


def test_bad_bodies_get_a_status() -> None:
    async def test(world: World) -> None:
        bodies = [b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe", b'{"metadata":[]}', b'{"metadata":{"labels":[]}}']
        bodies += [b'{"kind":"Service","apiVersion":"v1"}', b'{"spec":{"containers":"x"}}', b"[" * 5000]
        bodies += [b'{"metadata":{"name":7}}', b'{"spec":null}', b'{"metadata":{"name":"x"}}']
        for body in bodies:
            for method, target in (("POST", PODS), ("PUT", f"{PODS}/web")):
                status, error = await world.ask(method, target, body)
                assert 400 <= status < 500 and error["kind"] == "Status" and error["message"], (body, status, error)
        await world.client.create(pod("web"))
        for kind in ("json-patch", "merge-patch", "strategic-merge-patch"):
            for body in [*bodies, b'{"metadata":null}', b'{"spec":{"containers":7}}', b'[{"op":"x"}]', b'{"kind":"X"}']:
                content_type = f"application/{kind}+json"
                status, error = await world.ask("PATCH", f"{PODS}/web", body, content_type=content_type)
                assert status < 500, (kind, body, error)
        status, error = await world.ask("POST", PODS, b" " * (3 << 20) + b"{}")
        assert (status, error["reason"]) == (413, "RequestEntityTooLarge")
        for query in ("limit=x", "resourceVersion=x", "continue=%", "labelSelector=a(", "fieldSelector=a"):
            assert (await world.ask("GET", f"{PODS}?{query}"))[0] == 400, query
        assert (await world.ask("GET", f"{PODS}?resourceVersionMatch=Exact"))[0] == 422

    in_world(test)


def test_patch_media_types() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web"))
        status, error = await world.ask("PATCH", f"{PODS}/web", {}, content_type="application/apply-patch+cbor")
        assert status == 415 and "application/apply-patch+yaml" in error["message"]
        status, error = await world.ask("PATCH", f"{PODS}/web", {}, content_type="text/plain")
        assert status == 415 and "application/strategic-merge-patch+json" in error["message"]

    in_world(test)


def test_paths_and_methods() -> None:
    async def test(world: World) -> None:
        for path in (
            "/nothing",
            "/api/v2/pods",
            "/api/v1/podz",
            "/apis/apps/v1/pods",
            "/api/v1/pods/web",
            "//",
            "/api//",
        ):
            status, _ = await world.ask("GET", path)
            assert status in (404, 200) and (status == 404 or path == "/api//"), path
        assert (await world.ask("POST", "/apis/none/v1/things"))[0] == 404
        for method, path in (("PUT", PODS), ("POST", f"{PODS}/web"), ("PATCH", PODS), ("POST", "/version")):
            status, error = await world.ask(method, path)
            assert (status, error["reason"]) == (405, "MethodNotAllowed"), (method, path)
        status, _ = await world.ask("DELETE", "/api/v1/namespaces")
        assert status == 405, "namespaces are deleted one by one"
        status, error = await world.ask("POST", PODS, {**pod("web"), "metadata": {"name": "a", "namespace": "b"}})
        assert status == 400 and "does not match the namespace sent on the request" in error["message"]
        status, error = await world.ask("PUT", f"{PODS}/other", pod("web"))
        assert (status, error["reason"]) == (400, "BadRequest")

    in_world(test)


def test_who_may_what() -> None:
    async def test(world: World) -> None:
        status, error = await world.ask("GET", PODS, who=None)
        assert (status, error["reason"]) == (403, "Forbidden")
        assert error["message"] == (
            'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" '
            'in the namespace "default"'
        )
        assert (await world.ask("GET", "/healthz", who=None)) == (200, b"ok")
        assert (await world.ask("GET", "/version", who=None))[0] == 200
        assert (await world.ask("GET", "/api", who=None))[0] == 403
        status, error = await world.ask("GET", PODS, who=None, authorization="Bearer abc")
        assert (status, error["reason"], error["message"]) == (401, "Unauthorized", "Unauthorized")
        jane = certificate("jane", "developers")
        assert (await world.ask("GET", "/apis", who=jane))[0] == 200
        status, error = await world.ask("DELETE", f"{PODS}/web", who=jane)
        assert status == 403 and error["message"].startswith('pods "web" is forbidden: User "jane" cannot delete')
        kubelet = certificate("system:node:n1", "system:nodes")
        assert (await world.ask("GET", PODS, who=kubelet))[0] == 403
        assert (await world.ask("GET", f"{PODS}?fieldSelector=spec.nodeName%3Dn1", who=kubelet))[0] == 200
        assert (await world.ask("DELETE", "/api/v1/namespaces/default", who=kubelet))[0] == 403

    in_world(test)


def test_discovery() -> None:
    async def test(world: World) -> None:
        _, groups = await world.ask("GET", "/apis")
        assert "apps" in [group["name"] for group in groups["groups"]]
        _, core = await world.ask("GET", "/api/v1")
        rows = {row["name"]: row for row in core["resources"]}
        assert rows["pods"]["shortNames"] == ["po"] and rows["pods"]["namespaced"]
        assert rows["pods/exec"]["kind"] == "PodExecOptions"
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
        found = await world.answer("GET", "/apis", accept=accept)
        assert isinstance(found, Response)
        assert found.content_type == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        etag = dict(found.headers)["ETag"]
        again = await world.answer("GET", "/apis", accept=accept, if_none_match=etag)
        assert isinstance(again, Response) and (again.status, again.body) == (304, b"")
        _, index = await world.ask("GET", "/openapi/v3")
        place = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
        status, document = await world.ask("GET", place)
        assert status == 200 and "/apis/apps/v1/namespaces/{namespace}/deployments" in document["paths"]
        assert (await world.ask("GET", "/openapi/v3/apis/none/v1"))[0] == 404

    in_world(test)


def test_ready_and_version() -> None:
    async def test(world: World) -> None:
        assert await world.ask("GET", "/readyz") == (200, b"ok")
        assert (await world.ask("GET", "/readyz/none"))[0] == 404
        _, version = await world.ask("GET", "/version")
        assert (version["major"], version["minor"]) == ("1", "37")
        assert version["gitVersion"].startswith("v1.37.")

    in_world(test)


def test_delete_options_and_answers() -> None:
    async def test(world: World) -> None:
        await world.client.create(pod("web"))
        status, error = await world.ask("DELETE", f"{PODS}/web", {"propagationPolicy": "Sideways"})
        assert (status, error["reason"]) == (422, "Invalid")
        status, error = await world.ask("DELETE", f"{PODS}/web", {"preconditions": {"uid": "x"}})
        assert (status, error["reason"]) == (409, "Conflict")
        status, gone = await world.ask("DELETE", f"{PODS}/web?dryRun=All")
        assert (status, gone["kind"]) == (200, "Pod")
        status, gone = await world.ask("DELETE", f"{PODS}/web")
        assert (status, gone["kind"]) == (200, "Pod")
        await world.client.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}}
        )
        target = "/api/v1/namespaces/default/configmaps/c"
        status, kept = await world.ask("DELETE", f"{target}?propagationPolicy=Foreground")
        assert (status, kept["kind"]) == (200, "ConfigMap")
        change = {"metadata": {"finalizers": None}}
        await world.ask("PATCH", target, change, content_type="application/merge-patch+json")
        await world.client.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}}
        )
        status, done = await world.ask("DELETE", target, {})
        assert (status, done["status"], done["details"]["name"]) == (200, "Success", "c")

    in_world(test)


def test_who_am_i_and_may_i() -> None:
    async def test(world: World) -> None:
        jane = certificate("jane", "developers")
        me = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        status, review = await world.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", me, who=jane)
        review["status"]["userInfo"].pop("extra")  # the certificate's fingerprint
        assert status == 201 and review["status"]["userInfo"] == {
            "username": "jane",
            "groups": ["developers", "system:authenticated"],
        }
        question = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}}
        target = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        _, review = await world.ask("POST", target, question, who=jane)
        assert review["status"] == {"allowed": False}
        _, review = await world.ask("POST", target, question)
        assert review["status"] == {"allowed": True}
        assert (await world.ask("GET", target))[0] == 405
        assert (await world.ask("POST", target, question, who=None))[0] == 403

    in_world(test)


def test_writes_across_namespaces_are_not_allowed() -> None:
    async def test(world: World) -> None:
        assert (await world.ask("POST", "/api/v1/pods", pod("web")))[0] == 405
        assert (await world.ask("DELETE", "/api/v1/pods"))[0] == 405
        assert (await world.ask("GET", "/api/v1/namespaces/default/pods/a%2Fb"))[0] == 404

    in_world(test)
