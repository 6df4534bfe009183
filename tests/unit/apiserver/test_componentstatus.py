"""ComponentStatus, as ``kubectl get cs`` asks for it."""

from __future__ import annotations

from podo.http.message import Response
from tests.unit.apiserver.world import TABLE, World, in_world

CS = "/api/v1/componentstatuses"


def test_components_are_listed_and_read() -> None:
    async def test(world: World) -> None:
        world.server.components["scheduler"] = lambda: "not running"
        status, found = await world.ask("GET", CS)
        assert (status, found["kind"], found["apiVersion"]) == (200, "ComponentStatusList", "v1")
        conditions = {item["metadata"]["name"]: item["conditions"] for item in found["items"]}
        assert conditions["etcd-0"] == [{"type": "Healthy", "status": "True", "message": "ok"}]
        wrong = {"type": "Healthy", "status": "False", "message": "", "error": "not running"}
        assert conditions["scheduler"] == [wrong]
        assert (await world.ask("GET", f"{CS}/scheduler"))[1]["conditions"] == [wrong]
        assert (await world.ask("GET", f"{CS}/nothing"))[0] == 404
        _, found = await world.ask("GET", f"{CS}?fieldSelector=metadata.name=etcd-0")
        assert [item["metadata"]["name"] for item in found["items"]] == ["etcd-0"]

    in_world(test)


def test_it_is_shown_as_a_table_and_told_to_be_deprecated() -> None:
    async def test(world: World) -> None:
        answer = await world.answer("GET", CS, accept=TABLE)
        assert isinstance(answer, Response)
        assert dict(answer.headers)["Warning"] == '299 - "v1 ComponentStatus is deprecated in v1.19+"'
        _, table = await world.ask("GET", CS, accept=TABLE)
        assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Status", "Message", "Error"]
        assert ["etcd-0", "Healthy", "ok", ""] in [row["cells"] for row in table["rows"]]
        _, resources = await world.ask("GET", "/api/v1")
        (row,) = [row for row in resources["resources"] if row["name"] == "componentstatuses"]
        assert (row["verbs"], row["shortNames"], row["namespaced"]) == (["get", "list"], ["cs"], False)

    in_world(test)


def test_nothing_else_can_be_done_with_it() -> None:
    async def test(world: World) -> None:
        for method, target in (("POST", CS), ("DELETE", f"{CS}/etcd-0"), ("PUT", f"{CS}/etcd-0"), ("DELETE", CS)):
            assert (await world.ask(method, target, {}))[0] == 405, method
        assert (await world.ask("GET", f"{CS}?watch=true"))[0] == 405

    in_world(test)
