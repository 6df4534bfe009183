"""What every client of the API promises, on each that there is: in the server's process, and over TLS."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from podo.api.encoding import stamp
from podo.api.errors import ApiError
from podo.api.parts.systemnames import MASTERS
from podo.apiserver.aggregating import AggregatingClient
from podo.apiserver.app import ApiServer
from podo.apiserver.local import LocalClient
from podo.client.contract import Client
from podo.client.http import HttpClient
from podo.cluster import certificates
from podo.cluster.config import Config
from podo.http.server import HttpServer
from podo.http.tls import server_context
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.runtime.tasks import within
from podo.storage.memory import MemoryStore

Test = Callable[[Client], Awaitable[None]]


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = Config("contract", str(tmp_path_factory.mktemp("cluster")))
    config.layout.pki.mkdir(parents=True)
    certificates.ensure(config, SystemClock())
    return config.layout.pki


@asynccontextmanager
async def api_server() -> AsyncIterator[ApiServer]:
    store = MemoryStore(stamp, history_limit=200)
    await store.open()
    server = ApiServer(store, SystemClock(), Chance(7))
    await server.start()
    await LocalClient(server).create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    account = {"name": "default", "namespace": "default"}
    await LocalClient(server).create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    try:
        yield server
    finally:
        await store.close()


@asynccontextmanager
async def local(pki: Path) -> AsyncIterator[Client]:
    async with api_server() as server:
        yield LocalClient(server)


@asynccontextmanager
async def aggregating(pki: Path) -> AsyncIterator[Client]:
    async with api_server() as server:
        yield AggregatingClient(server, "system:apiserver", (MASTERS,))


@asynccontextmanager
async def over_tls(pki: Path) -> AsyncIterator[Client]:
    async with api_server() as server:
        web = HttpServer(server.handle)
        tls = server_context(pki / "apiserver.crt", pki / "apiserver.key", client_ca=pki / "ca.crt")
        port = await web.listen("127.0.0.1", 0, tls=tls)
        client = HttpClient(f"https://127.0.0.1:{port}", pki / "ca.crt", pki / "admin.crt", pki / "admin.key")
        try:
            yield client
        finally:
            client.close()
            await web.stop()


@pytest.fixture(params=[local, aggregating, over_tls], ids=["local", "aggregating", "http"])
def check(request: pytest.FixtureRequest, pki: Path) -> Callable[[Test], None]:
    """Runs a test's coroutine with a client of a fresh server."""

    async def with_client(test: Test) -> None:
        async with request.param(pki) as client:
            await within(120, test(client))

    return lambda test: asyncio.run(with_client(test))


def configmap(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "namespace": "default"}
    if labels:
        found["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": found, "data": data}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    containers = [{"name": "main", "image": "nginx:1.14.2"}]
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}


async def refused(awaitable: Awaitable[Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await awaitable
    return caught.value


def test_the_clients_have_the_contracts_methods() -> None:
    wanted = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    for client in (LocalClient, HttpClient):
        for name in wanted:
            asked = list(inspect.signature(getattr(Client, name)).parameters)
            assert list(inspect.signature(getattr(client, name)).parameters) == asked, (client, name)


def test_create_then_get(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        mine = configmap("one", a="1")
        made = await client.create(mine)
        assert "uid" not in mine["metadata"], "the caller's object is not changed"
        assert made["metadata"]["uid"] and made["metadata"]["creationTimestamp"]
        assert int(made["metadata"]["resourceVersion"]) > 0
        assert await client.get("ConfigMap", "one", "default") == made
        error = await refused(client.create(mine))
        assert (error.reason, error.code) == ("AlreadyExists", 409)
        assert error.message == 'configmaps "one" already exists'
        error = await refused(client.get("ConfigMap", "none", "default"))
        assert (error.reason, error.message) == ("NotFound", 'configmaps "none" not found')
        assert error.details == {"name": "none", "kind": "configmaps"}

    check(test)


def test_generated_names_differ(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        obj = configmap("x")
        obj["metadata"] = {"generateName": "job-", "namespace": "default"}
        names = {(await client.create(obj))["metadata"]["name"] for _ in range(5)}
        assert len(names) == 5 and all(name.startswith("job-") and len(name) == 9 for name in names)

    check(test)


def test_what_is_wrong_is_told_with_its_causes(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        error = await refused(client.create(configmap("Not_A_Name")))
        assert (error.reason, error.code) == ("Invalid", 422)
        assert error.details is not None
        assert [cause["field"] for cause in error.details["causes"]] == ["metadata.name"]
        error = await refused(client.create({**configmap("a"), "metadata": {"name": "a", "namespace": "absent"}}))
        assert (error.reason, error.message) == ("NotFound", 'namespaces "absent" not found')
        error = await refused(
            client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default"}})
        )
        assert error.reason == "Invalid" and "name or generateName is required" in error.message

    check(test)


def test_update_and_its_conflicts(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        made = await client.create(configmap("one", a="1"))
        changed = await client.update({**made, "data": {"a": "2"}})
        assert changed["data"] == {"a": "2"}
        assert int(changed["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
        error = await refused(client.update({**made, "data": {"a": "3"}}))
        assert error.reason == "Conflict"
        assert error.message.endswith(
            "the object has been modified; please apply your changes to the latest version and try again"
        )
        unconditional = {**made, "metadata": {"name": "one", "namespace": "default"}, "data": {"a": "4"}}
        last = await client.update(unconditional)
        assert last["data"] == {"a": "4"} and last["metadata"]["uid"] == made["metadata"]["uid"]
        assert (await refused(client.update(configmap("absent")))).reason == "NotFound"

    check(test)


def test_a_write_that_changes_nothing_is_no_write(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        made = await client.create(configmap("one", a="1"))
        assert await client.update(made) == made
        assert await client.patch("ConfigMap", "one", "default", patch={"data": {"a": "1"}}) == made

    check(test)


def test_patches(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        await client.create(configmap("one", a="1", b="2"))
        merged = await client.patch("ConfigMap", "one", "default", patch={"data": {"a": None, "c": "3"}})
        assert merged["data"] == {"b": "2", "c": "3"}
        operations = [{"op": "test", "path": "/data/b", "value": "2"}, {"op": "remove", "path": "/data/c"}]
        assert (await client.patch("ConfigMap", "one", "default", patch=operations, type="json"))["data"] == {"b": "2"}
        failing = [{"op": "test", "path": "/data/b", "value": "x"}]
        assert (await refused(client.patch("ConfigMap", "one", "default", patch=failing, type="json"))).code == 422
        await client.create(pod("web"))
        change = {"spec": {"containers": [{"name": "main", "image": "nginx:1.25"}]}}
        patched = await client.patch("Pod", "web", "default", patch=change, type="strategic")
        assert patched["spec"]["containers"][0]["image"] == "nginx:1.25"
        assert patched["spec"]["containers"][0]["terminationMessagePath"] == "/dev/termination-log"
        error = await refused(client.patch("ConfigMap", "one", "default", patch={"metadata": {"resourceVersion": "1"}}))
        assert error.reason == "Conflict"

    check(test)


def test_status_and_spec_are_written_apart(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        await client.create({**pod("web"), "status": {"phase": "Running"}})
        made = await client.get("Pod", "web", "default")
        assert made["status"]["phase"] == "Pending"
        running = await client.patch(
            "Pod", "web", "default", patch={"status": {"phase": "Running"}}, subresource="status"
        )
        assert running["status"]["phase"] == "Running"
        labelled = {**running, "status": {"phase": "Failed"}}
        labelled["metadata"] = {**running["metadata"], "labels": {"a": "b"}}
        main = await client.update(labelled)
        assert (main["status"]["phase"], main["metadata"]["labels"]) == ("Running", {"a": "b"})
        moved = {**main, "spec": {**main["spec"], "priority": 7}, "status": {**main["status"], "message": "m"}}
        after = await client.update(moved, subresource="status")
        assert (after["spec"], after["status"]["message"]) == (main["spec"], "m")

    check(test)


def test_a_dry_run_writes_nothing(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        assert (await client.create(configmap("one"), dry_run=True))["metadata"]["uid"]
        assert (await refused(client.get("ConfigMap", "one", "default"))).reason == "NotFound"
        made = await client.create(configmap("one", a="1"))
        dry = await client.patch("ConfigMap", "one", "default", patch={"data": {"a": "2"}}, dry_run=True)
        assert dry["data"] == {"a": "2"}
        await client.delete("ConfigMap", "one", "default", dry_run=True)
        assert await client.get("ConfigMap", "one", "default") == made

    check(test)


def test_lists_by_labels_fields_and_pages(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        for number in range(7):
            await client.create(configmap(f"c{number}", {"even": str(number % 2 == 0).lower()}))
        whole = await client.list("ConfigMap", "default")
        assert [one["metadata"]["name"] for one in whole.items] == [f"c{number}" for number in range(7)]
        even = await client.list("ConfigMap", labels="even=true")
        assert [one["metadata"]["name"] for one in even.items] == ["c0", "c2", "c4", "c6"]
        one = await client.list("ConfigMap", "default", fields="metadata.name=c3")
        assert [found["metadata"]["name"] for found in one.items] == ["c3"]
        first = await client.list("ConfigMap", "default", limit=3)
        assert (len(first.items), first.remaining) == (3, 4) and first.continue_token
        await client.create(configmap("c00"))
        await client.delete("ConfigMap", "c5", "default")
        names = [found["metadata"]["name"] for found in first.items]
        token = first.continue_token
        while token:
            page = await client.list("ConfigMap", "default", limit=3, continue_token=token)
            assert page.revision == first.revision
            names += [found["metadata"]["name"] for found in page.items]
            token = page.continue_token
        assert names == [f"c{number}" for number in range(7)], "all pages show one revision"
        chosen: list[str] = []
        page = await client.list("ConfigMap", "default", labels="even=true", limit=2)
        chosen += [found["metadata"]["name"] for found in page.items]
        page = await client.list(
            "ConfigMap", "default", labels="even=true", limit=2, continue_token=page.continue_token
        )
        chosen += [found["metadata"]["name"] for found in page.items]
        assert chosen == ["c0", "c2", "c4", "c6"]
        assert (await refused(client.list("ConfigMap", labels="a in ("))).reason == "BadRequest"
        error = await refused(client.list("ConfigMap", fields="data.a=1"))
        why = '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"'
        assert (error.code, error.message) == (400, why)
        assert (await refused(client.list("ConfigMap", "default", limit=1, continue_token="bm9uc2Vuc2U"))).code == 400
        assert (await refused(client.list("ConfigMap", revision=10**9))).reason == "Timeout"

    check(test)


def test_an_old_page_has_expired(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        for number in range(3):
            await client.create(configmap(f"c{number}"))
        page = await client.list("ConfigMap", "default", limit=1)
        for number in range(300):
            await client.patch("ConfigMap", "c0", "default", patch={"data": {"n": str(number)}})
        error = await refused(client.list("ConfigMap", "default", limit=1, continue_token=page.continue_token))
        assert (error.reason, error.code) == ("Expired", 410)

        async def watch_from_then() -> None:
            async for _ in client.watch("ConfigMap", "default", revision=page.revision, timeout_seconds=5):
                pass

        error = await refused(watch_from_then())
        assert (error.reason, error.code) == ("Expired", 410)

    check(test)


async def gather(client: Client, count: int, **options: Any) -> list[tuple[str, str]]:
    """The first ``count`` events that are no bookmarks."""
    found: list[tuple[str, str]] = []
    async for batch in client.watch("ConfigMap", "default", timeout_seconds=10, **options):
        found += [(event.type, event.object["metadata"]["name"]) for event in batch if event.type != "BOOKMARK"]
        if len(found) >= count:
            break
    return found


def test_a_watch_tells_what_happens(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        start = (await client.list("ConfigMap", "default")).revision
        await client.create(configmap("a"))
        await client.patch("ConfigMap", "a", "default", patch={"data": {"x": "1"}})
        await client.delete("ConfigMap", "a", "default")
        await client.create(configmap("b"))
        assert await gather(client, 4, revision=start) == [
            ("ADDED", "a"),
            ("MODIFIED", "a"),
            ("DELETED", "a"),
            ("ADDED", "b"),
        ]
        assert await gather(client, 1) == [("ADDED", "b")], "without a revision it begins with what is there"
        later = asyncio.ensure_future(gather(client, 1, revision=(await client.list("ConfigMap")).revision))
        await client.create(configmap("c"))
        assert await later == [("ADDED", "c")]

    check(test)


def test_a_watch_through_a_selector_sees_objects_come_and_go(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        start = (await client.list("ConfigMap", "default")).revision
        await client.create(configmap("a", {"on": "no"}))
        for on in ("yes", "yes", "no", "no"):
            metadata = {"labels": {"on": on}, "annotations": {"turn": on + str(id(on))}}
            await client.patch("ConfigMap", "a", "default", patch={"metadata": metadata, "data": {on: "x"}})
        await client.patch("ConfigMap", "a", "default", patch={"metadata": {"labels": {"on": "yes"}}})
        await client.delete("ConfigMap", "a", "default")
        assert await gather(client, 4, revision=start, labels="on=yes") == [
            ("ADDED", "a"),
            ("DELETED", "a"),
            ("ADDED", "a"),
            ("DELETED", "a"),
        ]
        seen = await gather(client, 5, revision=start, fields="metadata.name=a")
        assert seen[0] == ("ADDED", "a")

    check(test)


def test_a_watch_ends_in_time(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        batches = [batch async for batch in client.watch("ConfigMap", "default", timeout_seconds=1)]
        assert all(event.type == "BOOKMARK" for batch in batches for event in batch)

    check(test)


def test_evict_and_ask_for_tokens(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        await client.create(pod("web"))
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web", "namespace": "default"}}
        await client.create(eviction, subresource="eviction")
        assert (await refused(client.get("Pod", "web", "default"))).reason == "NotFound"
        whose = {"name": "default", "namespace": "default"}
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": whose, "spec": {}}
        assert (await client.create(asked, subresource="token"))["status"]["token"]

    check(test)


def test_pods_are_bound_once_and_deleted_gracefully(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        made = await client.create(pod("web"))
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "web", "namespace": "default"}}
        await client.create({**binding, "target": {"kind": "Node", "name": "n1"}}, subresource="binding")
        error = await refused(client.create({**binding, "target": {"name": "n2"}}, subresource="binding"))
        assert error.reason == "Conflict" and 'already assigned to node "n1"' in error.message
        bound = await client.get("Pod", "web", "default")
        assert bound["spec"]["nodeName"] == "n1"
        assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
        assert (await refused(client.delete("Pod", "web", "default", uid="other"))).reason == "Conflict"
        assert (await refused(client.delete("Pod", "web", "default", revision=1))).reason == "Conflict"
        await client.delete("Pod", "web", "default", uid=made["metadata"]["uid"])
        ending = await client.get("Pod", "web", "default")
        assert ending["metadata"]["deletionGracePeriodSeconds"] == 30
        await client.delete("Pod", "web", "default", grace_seconds=60)
        assert await client.get("Pod", "web", "default") == ending, "a second delete cannot lengthen the grace"
        await client.delete("Pod", "web", "default", grace_seconds=5)
        assert (await client.get("Pod", "web", "default"))["metadata"]["deletionGracePeriodSeconds"] == 5
        await client.delete("Pod", "web", "default", grace_seconds=0)
        assert (await refused(client.get("Pod", "web", "default"))).reason == "NotFound"
        await client.create(pod("unbound"))
        await client.delete("Pod", "unbound", "default")
        assert (await refused(client.get("Pod", "unbound", "default"))).reason == "NotFound"

    check(test)


def test_finalizers_hold_an_object_back(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        obj = configmap("held")
        obj["metadata"]["finalizers"] = ["example.com/hold"]
        await client.create(obj)
        await client.delete("ConfigMap", "held", "default")
        waiting = await client.get("ConfigMap", "held", "default")
        assert waiting["metadata"]["deletionTimestamp"]
        change = {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}
        assert (await refused(client.patch("ConfigMap", "held", "default", patch=change))).reason == "Invalid"
        await client.patch("ConfigMap", "held", "default", patch={"metadata": {"finalizers": None}})
        assert (await refused(client.get("ConfigMap", "held", "default"))).reason == "NotFound"
        await client.create(configmap("owner"))
        kept = await client.delete("ConfigMap", "owner", "default", propagation="Foreground")
        assert kept["metadata"]["finalizers"] == ["foregroundDeletion"]

    check(test)


def test_a_namespace_goes_in_two_steps(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
        await client.delete("Namespace", "team")
        ending = await client.get("Namespace", "team")
        assert ending["status"]["phase"] == "Terminating"
        error = await refused(client.create({**configmap("x"), "metadata": {"name": "x", "namespace": "team"}}))
        assert error.code == 403 and error.details is not None
        assert error.details["causes"][0]["reason"] == "NamespaceTerminating"
        ending["spec"]["finalizers"] = []
        await client.update(ending, subresource="finalize")
        assert (await refused(client.get("Namespace", "team"))).reason == "NotFound"
        assert (await refused(client.delete("Namespace", "default"))).reason == "Forbidden"

    check(test)


def test_delete_collection(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        for number in range(4):
            await client.create(configmap(f"c{number}", {"even": str(number % 2 == 0).lower()}))
        await client.delete_collection("ConfigMap", "default", labels="even=true")
        left = await client.list("ConfigMap", "default")
        assert [one["metadata"]["name"] for one in left.items] == ["c1", "c3"]

    check(test)


def test_scale(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        template = {"metadata": {"labels": {"app": "web"}}, "spec": pod("x")["spec"]}
        spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
        metadata = {"name": "web", "namespace": "default"}
        await client.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
        scale = await client.get("Deployment", "web", "default", subresource="scale")
        assert (scale["kind"], scale["spec"]["replicas"], scale["status"]["selector"]) == ("Scale", 2, "app=web")
        change = {"spec": {"replicas": 5}}
        scale = await client.patch("Deployment", "web", "default", patch=change, subresource="scale")
        assert scale["spec"]["replicas"] == 5
        deployment = await client.get("Deployment", "web", "default")
        assert (deployment["spec"]["replicas"], deployment["metadata"]["generation"]) == (5, 2)
        bad = {"spec": {"replicas": -1}}
        error = await refused(client.patch("Deployment", "web", "default", patch=bad, subresource="scale"))
        assert error.reason == "Invalid"

    check(test)


def test_both_event_groups_show_one_object(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e1", "namespace": "default"},
            "involvedObject": {"kind": "Pod", "namespace": "default", "name": "web"},
            "reason": "Started",
            "message": "it runs",
            "type": "Normal",
        }
        await client.create(event)
        other = await client.get("events.k8s.io/Event", "e1", "default")
        assert (other["apiVersion"], other["note"], other["regarding"]["name"]) == (
            "events.k8s.io/v1",
            "it runs",
            "web",
        )
        listed = await client.list("events.k8s.io/Event", "default")
        assert [one["note"] for one in listed.items] == ["it runs"]

    check(test)


def test_custom_kinds_are_named_once_they_are_served(check: Callable[[Test], None]) -> None:
    async def test(client: Client) -> None:
        gauge = {"apiVersion": "example.com/v1", "kind": "Gauge", "metadata": {"name": "a", "namespace": "default"}}
        assert (await refused(client.create(gauge))).reason == "BadRequest"
        names = {"plural": "gauges", "kind": "Gauge", "singular": "gauge", "listKind": "GaugeList"}
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        version = {"name": "v1", "served": True, "storage": True, "schema": schema}
        spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
        made = await client.create(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": "gauges.example.com"},
                "spec": spec,
            }
        )
        established = {"type": "Established", "status": "True", "reason": "Test", "message": ""}
        made["status"] |= {"acceptedNames": names, "conditions": [established]}
        await client.update(made, subresource="status")
        await client.create(gauge)
        found = await client.patch("example.com/Gauge", "a", "default", patch={"level": 3})
        assert found["level"] == 3
        for name in ("Gauge", "example.com/Gauge", "example.com/v1/Gauge"):
            assert (await client.list(name, "default")).items == [found]
        async for batch in client.watch("Gauge", timeout_seconds=1):
            assert batch[0].object == found
            break
        await client.delete("Gauge", "a", "default")
        assert (await refused(client.get("Gauge", "a", "default"))).reason == "NotFound"

    check(test)
