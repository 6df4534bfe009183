"""What the API concepts and the API reference say of single requests, one by one."""

from __future__ import annotations

import orjson
import pytest

from podo.http.message import Response
from tests.unit.apiserver.world import World, certificate, in_world, text_of

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


def configmap(name: str, **metadata: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


def test_a_replacement_of_another_object_of_that_name_is_a_conflict() -> None:
    async def test(world: World) -> None:
        _, made = await world.ask("POST", CONFIGMAPS, configmap("a"))
        uid = made["metadata"]["uid"]
        code, status = await world.ask("PUT", f"{CONFIGMAPS}/a", configmap("a", uid="other"))
        assert (code, status["reason"]) == (409, "Conflict")
        why = f"Precondition failed: UID in precondition: other, UID in object meta: {uid}"
        assert status["message"].endswith(why)
        assert (await world.ask("PUT", f"{CONFIGMAPS}/a", configmap("a", uid=uid)))[0] == 200

    in_world(test)


def test_initial_events_are_for_watches() -> None:
    async def test(world: World) -> None:
        for query in ("sendInitialEvents=true", "sendInitialEvents=false"):
            code, status = await world.ask("GET", f"{CONFIGMAPS}?{query}")
            assert code == 422
            why = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"
            assert status["message"] == f'ListOptions.meta.k8s.io "" is invalid: {why}'

    in_world(test)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {"propagationPolicy": "Orphan", "orphanDependents": True},
            'Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
        ),
        (
            {"propagationPolicy": "Some"},
            'Unsupported value: "Some": supported values: "Foreground", "Background", "Orphan", "nil"',
        ),
    ],
)
def test_options_of_a_deletion_that_mean_nothing(options: dict[str, object], why: str) -> None:
    async def test(world: World) -> None:
        await world.ask("POST", CONFIGMAPS, configmap("a"))
        code, status = await world.ask("DELETE", f"{CONFIGMAPS}/a", options)
        assert code == 422
        assert status["message"] == f'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: {why}'

    in_world(test)


def test_the_root_lists_all_paths() -> None:
    async def test(world: World) -> None:
        _, found = await world.ask("GET", "/")
        paths = found["paths"]
        assert paths == sorted(set(paths))
        for one in ("/api/v1", "/apis/apps", "/apis/apps/v1", "/livez/ping", "/readyz/shutdown", "/version"):
            assert one in paths
        for one in paths:
            if one != "/openapi/v3/":
                assert (await world.answer("GET", one)).status == 200, one
        assert (await world.ask("GET", "/", who=certificate("jane")))[0] == 403

    in_world(test)


def test_people_are_answered_in_lines() -> None:
    async def test(world: World) -> None:
        await world.ask("POST", CONFIGMAPS, configmap("a"))

        async def lines(target: str, agent: str = "") -> int:
            found = await world.answer("GET", target, user_agent=agent)
            assert isinstance(found, Response)
            orjson.loads(text_of(found))
            return text_of(found).count(b"\n")

        assert await lines(f"{CONFIGMAPS}/a") == 0
        for agent in ("curl/8.1", "Wget/1.2", "Mozilla/5.0 (X11)"):
            assert await lines(f"{CONFIGMAPS}/a", agent) > 5
        assert await lines(f"{CONFIGMAPS}/a?pretty=true") > 5
        assert await lines(f"{CONFIGMAPS}?pretty=1") > 5
        assert await lines(f"{CONFIGMAPS}/absent?pretty=true") > 5
        assert await lines(f"{CONFIGMAPS}/a?pretty=false", "curl/8.1") == 0
        assert await lines("/version", "curl/8.1") > 5
        assert await lines("/openapi/v3", "curl/8.1") == 0

    in_world(test)


def test_documents_of_openapi_may_be_kept_by_their_hash() -> None:
    async def test(world: World) -> None:
        _, index = await world.ask("GET", "/openapi/v3")
        url = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
        found = await world.answer("GET", url)
        headers = dict(found.headers)
        assert (found.status, headers["Cache-Control"]) == (200, "public, immutable")
        assert headers["Expires"].endswith(" GMT")
        elsewhere = await world.answer("GET", "/openapi/v3/apis/apps/v1?hash=OLD")
        assert (elsewhere.status, dict(elsewhere.headers)["Location"]) == (301, url)
        plain = await world.answer("GET", "/openapi/v3/apis/apps/v1")
        assert plain.status == 200 and "Cache-Control" not in dict(plain.headers)

    in_world(test)
