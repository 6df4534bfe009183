"""The aggregation layer: an extension API server behind a Service, reached through this one."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from podo.apiserver.calling.connections import Trust
from podo.http.message import Response, Streaming
from podo.http.server import HttpServer
from tests.pki import Pki
from tests.unit.apiserver.aggregation.extensionserver import GROUP, ROOT, VERSION, Extension, extending
from tests.unit.apiserver.world import TABLE, World, Written, certificate, in_world, text_of

Obj = dict[str, Any]
NAME = f"{VERSION}.{GROUP}"
FLUNDERS = f"{ROOT}/namespaces/default/flunders"
JANE = certificate("jane", "dev", "ops")
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest.fixture(scope="module")
def pkis(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pki, Pki]:
    """The extension's own CA, and the front proxy's."""
    return Pki(Path(tmp_path_factory.mktemp("serving"))), Pki(Path(tmp_path_factory.mktemp("front")))


def api_service(bundle: str = "", **spec: Any) -> Obj:
    wanted = {"group": GROUP, "version": VERSION, "groupPriorityMinimum": 2000, "versionPriority": 200}
    wanted |= {"service": {"namespace": "default", "name": "api", "port": 7443}}
    trust: Obj = {"caBundle": bundle} if bundle else {}
    meta = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": NAME}}
    return {**meta, "spec": {**wanted, **trust, **spec}}


async def add_service(world: World, port: int) -> None:
    spec = {"ports": [{"name": "https", "port": 7443, "protocol": "TCP"}]}
    metadata = {"name": "api", "namespace": "default"}
    await world.client.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    await add_endpoints(world, port)


async def add_endpoints(world: World, port: int) -> None:
    """A slice as the controller would write it, but on loopback, which rules forbid."""
    metadata = {"name": "api-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "api"}}
    found = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata}
    ready = {"addresses": ["127.0.0.1"], "conditions": {"ready": True}}
    value = orjson.dumps({**found, "endpoints": [ready], "ports": [{"name": "https", "port": port}]})
    await world.store.create("/discovery.k8s.io/endpointslices/default/api-1", value)


async def until(world: World, reason: str) -> Obj:
    """The condition Available once it has this reason."""
    while True:
        found = await world.client.get("APIService", NAME)
        for condition in (found.get("status") or {}).get("conditions") or ():
            if condition["reason"] == reason:
                return condition
        await asyncio.sleep(0.01)


Test = Callable[[World, Extension], Awaitable[None]]


def with_extension(pkis: tuple[Pki, Pki], test: Test) -> None:
    """Run a test in a world with the extension registered and available."""

    async def main(world: World) -> None:
        async with extending(pkis[0], pkis[1].ca) as extension, registered(world, pkis, extension):
            await until(world, "Passed")
            await test(world, extension)

    in_world(main, front_proxy=identity(pkis))


@asynccontextmanager
async def registered(world: World, pkis: tuple[Pki, Pki], extension: Extension) -> AsyncIterator[None]:
    await add_service(world, extension.port)
    await world.client.create(api_service(base64.b64encode(pkis[0].ca.read_bytes()).decode()))
    try:
        yield
    finally:
        await world.server.close()


def identity(pkis: tuple[Pki, Pki]) -> Trust:
    shown, key = pkis[1].issue("front-proxy-client")
    return Trust(certificate=shown, key=key)


async def post(world: World, flunder: Obj, **headers: Any) -> Response | Streaming:
    body = orjson.dumps(flunder)
    return await world.answer("POST", FLUNDERS, body, content_length=str(len(body)), **headers)


def test_requests_are_carried_to_the_extension_in_the_users_name(pkis: tuple[Pki, Pki]) -> None:
    async def test(world: World, extension: Extension) -> None:
        flunder = {"kind": "Flunder", "metadata": {"name": "a"}}
        answer = await post(world, flunder, x_remote_user="root", cookie="kept")
        assert (answer.status, orjson.loads(text_of(answer))) == (201, flunder)  # type: ignore[arg-type]
        assert ("X-Own", "yes") in list(answer.headers)
        method, path, headers = extension.seen[0]
        assert (method, path) == ("POST", FLUNDERS)
        assert (headers["x-remote-user"], headers["cookie"]) == ("kubernetes-admin", "kept")
        assert headers["x-remote-group"] == "system:masters, system:authenticated"
        assert headers["host"] == "api.default.svc:7443"
        assert extension.users == {"front-proxy-client"}
        code, listed = await world.ask("GET", FLUNDERS)
        assert (code, listed["items"]) == (200, [flunder])

    with_extension(pkis, test)


def test_authorization_is_this_servers_first(pkis: tuple[Pki, Pki]) -> None:
    async def test(world: World, extension: Extension) -> None:
        code, status = await world.ask("GET", f"{FLUNDERS}/a", who=JANE)
        assert code == 403
        assert status["message"] == (
            f'flunders.{GROUP} "a" is forbidden: User "jane" cannot get resource "flunders" in API group "{GROUP}" '
            'in the namespace "default"'
        )
        assert extension.seen == []
        rules = [{"apiGroups": [GROUP], "resources": ["flunders"], "verbs": ["list"]}]
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}}
        await world.client.create({**role, "rules": rules})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "ops"}
        binding: Obj = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding"}
        binding |= {"metadata": {"name": "r", "namespace": "default"}, "roleRef": reference, "subjects": [subject]}
        await world.client.create(binding)
        assert (await world.ask("GET", FLUNDERS, who=JANE))[0] == 200
        assert (await world.ask("GET", f"{FLUNDERS}?watch=true", who=JANE))[0] == 403
        assert (await world.ask("DELETE", FLUNDERS, who=JANE))[1]["message"].count("cannot deletecollection") == 1

    with_extension(pkis, test)


def test_watches_stream_and_end_with_the_client(pkis: tuple[Pki, Pki]) -> None:
    async def test(world: World, extension: Extension) -> None:
        answer = await world.answer("GET", f"{FLUNDERS}?watch=true")
        assert isinstance(answer, Streaming)
        writer = Written()
        reading = asyncio.ensure_future(answer.produce(writer))
        for name in ("a", "b"):
            before = len(writer.data)
            await post(world, {"metadata": {"name": name}})
            while len(writer.data) == before:
                await asyncio.sleep(0.001)
        events = [orjson.loads(line) for line in writer.data.splitlines()]
        assert [event["object"]["metadata"]["name"] for event in events] == ["a", "b"]
        assert extension.watches == 1
        reading.cancel()
        while extension.watches:
            await asyncio.sleep(0.001)

    with_extension(pkis, test)


def test_an_upgrade_becomes_a_tunnel(pkis: tuple[Pki, Pki]) -> None:
    async def test(world: World, extension: Extension) -> None:
        code = await _allow_anonymous(world)
        assert code == 201
        server = HttpServer(world.server.handle)
        port = await server.listen("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET {FLUNDERS}/a/connect HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
        writer.write(head.encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"HELLO"
        assert extension.seen[0][2]["x-remote-user"] == "system:anonymous"
        writer.close()
        await server.stop(0.1)

    with_extension(pkis, test)


def test_a_watch_ends_at_the_extension_when_the_client_hangs_up(pkis: tuple[Pki, Pki]) -> None:
    async def test(world: World, extension: Extension) -> None:
        await _allow_anonymous(world)
        server = HttpServer(world.server.handle)
        reader, writer = await asyncio.open_connection("127.0.0.1", await server.listen("127.0.0.1", 0))
        writer.write(f"GET {FLUNDERS}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        while not extension.watches:
            await asyncio.sleep(0.001)
        writer.close()
        while extension.watches:
            await asyncio.sleep(0.001)
        await server.stop(0.1)

    with_extension(pkis, test)


async def _allow_anonymous(world: World) -> int:
    rules = [{"apiGroups": [GROUP], "resources": ["*"], "verbs": ["*"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}}
    await world.client.create({**role, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:anonymous"}
    binding = {"kind": "ClusterRoleBinding", "metadata": {"name": "r"}, "roleRef": reference, "subjects": [subject]}
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    return (await world.ask("POST", path, {"apiVersion": "rbac.authorization.k8s.io/v1", **binding}))[0]


def test_the_condition_says_what_is_missing(pkis: tuple[Pki, Pki]) -> None:
    async def main(world: World) -> None:
        async with extending(pkis[0], pkis[1].ca) as extension:
            await world.client.create(api_service(base64.b64encode(pkis[0].ca.read_bytes()).decode()))
            condition = await until(world, "ServiceNotFound")
            assert condition["message"] == 'service/api in "default" is not present'
            answer = await world.answer("GET", FLUNDERS)
            assert (answer.status, text_of(answer)) == (503, b"service unavailable\n")  # type: ignore[arg-type]
            metadata = {"name": "api", "namespace": "default"}
            service: Obj = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
            service["spec"] = {"ports": [{"name": "https", "port": 443}]}
            made = await world.client.create(service)
            condition = await until(world, "ServicePortError")
            assert condition["message"] == 'service/api in "default" is not listening on port 7443'
            made["spec"]["ports"] = [{"name": "https", "port": 7443, "protocol": "TCP"}]
            await world.client.update(made)
            condition = await until(world, "EndpointsNotFound")
            assert condition["message"] == 'cannot find endpointslices for service/api in "default"'
            await add_endpoints(world, extension.port)
            assert (await until(world, "Passed"))["message"] == "all checks passed"
            assert (await world.ask("GET", FLUNDERS))[0] == 200
            extension.healthy = False
            await world.client.patch("APIService", NAME, patch={"metadata": {"labels": {"look": "again"}}})
            condition = await until(world, "FailedDiscoveryCheck")
            url = f"https://api.default.svc:7443{ROOT}"
            bad = f"failing or missing response from {url}: bad status from {url}: 500"
            assert (condition["status"], condition["message"]) == ("False", bad)
            assert (await world.answer("GET", FLUNDERS)).status == 503
            _, page = await world.ask("GET", "/metrics")
            assert f'aggregator_unavailable_apiservice{{name="{NAME}"}} 1\n'.encode() in page
            labels = f'name="{NAME}",reason="FailedDiscoveryCheck"'
            assert f"aggregator_unavailable_apiservice_total{{{labels}}} ".encode() in page
        await world.server.close()

    in_world(main, front_proxy=identity(pkis))


def test_an_extension_whose_certificate_is_not_believed_is_not_available(pkis: tuple[Pki, Pki]) -> None:
    async def main(world: World) -> None:
        async with extending(pkis[0], pkis[1].ca) as extension:
            await add_service(world, extension.port)
            other = base64.b64encode(pkis[1].ca.read_bytes()).decode()
            made = await world.client.create(api_service(other))
            assert "certificate signed by unknown authority" in (await until(world, "FailedDiscoveryCheck"))["message"]
            spec = {name: value for name, value in made["spec"].items() if name != "caBundle"}
            patch = {"spec": {**spec, "caBundle": None, "insecureSkipTLSVerify": True}}
            await world.client.patch("APIService", NAME, patch=patch)
            await until(world, "Passed")
        await world.server.close()

    in_world(main, front_proxy=identity(pkis))


def test_discovery_has_the_extensions_resources(pkis: tuple[Pki, Pki]) -> None:
    async def test(world: World, extension: Extension) -> None:
        code, groups = await world.ask("GET", "/apis", accept=DISCOVERY)
        item = groups["items"][-1]
        assert (code, item["metadata"]["name"]) == (200, GROUP)
        version = item["versions"][0]
        assert (version["version"], version["freshness"]) == (VERSION, "Current")
        flunders = version["resources"][0]
        assert flunders["responseKind"] == {"group": GROUP, "version": VERSION, "kind": "Flunder"}
        assert (flunders["resource"], flunders["scope"]) == ("flunders", "Namespaced")
        assert flunders["subresources"][0]["subresource"] == "status"
        _, legacy = await world.ask("GET", "/apis")
        assert legacy["kind"] == "APIGroupList"
        own = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
        assert legacy["groups"][-1] == {"name": GROUP, "versions": [own], "preferredVersion": own}
        _, group = await world.ask("GET", f"/apis/{GROUP}")
        assert (group["kind"], group["versions"]) == ("APIGroup", [own])
        _, resources = await world.ask("GET", ROOT)
        assert resources["resources"][0]["name"] == "flunders"
        extension.healthy = False
        await world.client.patch("APIService", NAME, patch={"metadata": {"labels": {"look": "again"}}})
        await until(world, "FailedDiscoveryCheck")
        _, groups = await world.ask("GET", "/apis", accept=DISCOVERY)
        version = groups["items"][-1]["versions"][0]
        assert (version["freshness"], version["resources"][0]["resource"]) == ("Stale", "flunders")
        await world.client.delete("APIService", NAME)
        _, groups = await world.ask("GET", "/apis", accept=DISCOVERY)
        assert GROUP not in [item["metadata"].get("name") for item in groups["items"]]
        assert (await world.ask("GET", FLUNDERS))[0] == 404

    with_extension(pkis, test)


def test_aggregated_discovery_of_the_extension_is_taken_as_it_is(pkis: tuple[Pki, Pki]) -> None:
    async def main(world: World) -> None:
        async with extending(pkis[0], pkis[1].ca) as extension:
            extension.aggregated = True
            async with registered(world, pkis, extension):
                await until(world, "Passed")
                found = await world.answer("GET", "/apis", accept=DISCOVERY)
                groups = orjson.loads(text_of(found))  # type: ignore[arg-type]
                assert groups["items"][-1]["versions"][0]["resources"][0]["resource"] == "fischers"
                etag = dict(found.headers)["ETag"]
                assert (await world.answer("GET", "/apis", accept=DISCOVERY, if_none_match=etag)).status == 304

    in_world(main, front_proxy=identity(pkis))


def test_openapi_documents_are_merged(pkis: tuple[Pki, Pki]) -> None:
    async def test(world: World, extension: Extension) -> None:
        _, swagger = await world.ask("GET", "/openapi/v2")
        assert f"{ROOT}/flunders" in swagger["paths"]
        assert (
            "theirs"
            not in swagger["paths"]["/api/v1/pods/" if "/api/v1/pods/" in swagger["paths"] else "/api/v1/pods"]["get"]
        )
        definitions = swagger["definitions"]
        meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
        assert "labels" in definitions[meta]["properties"]
        assert definitions[f"{meta}_v2"]["properties"] == {"theirs": {}}
        assert definitions["com.example.Flunder"]["properties"]["metadata"]["$ref"] == f"#/definitions/{meta}_v2"
        _, index = await world.ask("GET", "/openapi/v3")
        url = index["paths"][ROOT[1:]]["serverRelativeURL"]
        assert url == f"/openapi/v3{ROOT}?hash=ABC"
        assert "apis/apps/v1" in index["paths"]
        code, document = await world.ask("GET", url)
        assert (code, document["info"]["title"]) == (200, "wardle")

    with_extension(pkis, test)


def test_what_this_server_serves_is_registered_as_local(pkis: tuple[Pki, Pki]) -> None:
    async def main(world: World) -> None:
        _, table = await world.ask("GET", "/apis/apiregistration.k8s.io/v1/apiservices", accept=TABLE)
        rows = {row["cells"][0]: row["cells"][1:3] for row in table["rows"]}
        assert rows["v1."] == rows["v1.apps"] == rows["v2.autoscaling"] == ["Local", "True"]
        assert "v1.apiregistration.k8s.io" not in rows
        await world.client.create(api_service())
        found = await world.client.get("APIService", "v1.apps")
        assert found["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "onstart"}
        assert found["status"]["conditions"][0]["reason"] == "Local"
        await world.server.close()

    in_world(main)


def test_the_core_group_leads_nowhere_else() -> None:
    async def main(world: World) -> None:
        service = {"namespace": "default", "name": "api", "port": 443}
        await world.client.patch("APIService", "v1.", patch={"spec": {"service": service}})
        assert (await world.ask("GET", "/api/v1/namespaces/default"))[0] == 200
        await world.server.close()

    in_world(main)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"version": "v2"}, 'must be `spec.version+"."+spec.group`: "v2.wardle.example.com"'),
        ({"groupPriorityMinimum": 0}, "must be positive and less than 20000"),
        ({"versionPriority": 1001}, "must be positive and less than 1000"),
        ({"service": None, "caBundle": "eA=="}, "local APIServices may not have a caBundle"),
        ({"service": {"name": "x"}}, "spec.service.namespace: Required value"),
        ({"insecureSkipTLSVerify": True, "caBundle": "eA=="}, "may not be true if caBundle is present"),
    ],
)
def test_the_rules_of_an_apiservice(spec: Obj, words: str) -> None:
    async def main(world: World) -> None:
        path = "/apis/apiregistration.k8s.io/v1/apiservices"
        code, status = await world.ask("POST", path, api_service(**spec))
        assert code == 422
        assert words in status["message"]

    in_world(main)
