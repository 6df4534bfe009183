"""ResourceQuota: what is counted, refused, given back, and how that holds with many writers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from podo.api.encoding import stamp
from podo.apiserver.app import ApiServer
from podo.apiserver.local import LocalClient
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from podo.storage.sqlite import SqliteStore
from tests.unit.apiserver.world import World, in_world, pod, service

BASE = "/api/v1/namespaces/default"
QUOTAS, PODS = f"{BASE}/resourcequotas", f"{BASE}/pods"
JSON = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


def quota(hard: dict[str, str], name: str = "q", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard, **spec}}


def asking(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None) -> dict[str, Any]:
    return {"containers": [{"name": "main", "image": "nginx", "resources": {"requests": requests, "limits": limits}}]}


async def used(world: World, wanted: dict[str, str], name: str = "q") -> None:
    async with asyncio.timeout(60):
        while True:
            _, found = await world.ask("GET", f"{QUOTAS}/{name}")
            seen = (found.get("status") or {}).get("used") or {}
            if all(seen.get(key) == value for key, value in wanted.items()):
                return
            await asyncio.sleep(0)


async def make(world: World, target: str, obj: dict[str, Any]) -> dict[str, Any]:
    status, answer = await world.ask("POST", target, obj)
    assert status == 201, answer
    return answer


async def refused(world: World, target: str, obj: dict[str, Any]) -> str:
    status, answer = await world.ask("POST", target, obj)
    assert (status, answer["reason"]) == (403, "Forbidden"), answer
    return answer["message"]


def test_the_status_is_counted_at_once() -> None:
    """Conformance: ResourceQuota, object count quota, resourcequotas."""

    async def test(world: World) -> None:
        hard = {"pods": "5", "cpu": "1", "resourcequotas": "2", "count/replicasets.apps": "5", "services": "10"}
        await make(world, QUOTAS, quota(hard))
        await used(world, {**dict.fromkeys(hard, "0"), "resourcequotas": "1"})
        _, found = await world.ask("GET", f"{QUOTAS}/q")
        assert found["status"]["hard"] == hard

    in_world(test)


LIVES: list[tuple[str, str, dict[str, Any], dict[str, str]]] = [
    ("ConfigMap", "configmaps", {"data": {"a": "b"}}, {"configmaps": "1", "count/configmaps": "1"}),
    ("Secret", "secrets", {"data": {"a": "Yg=="}}, {"secrets": "1", "count/secrets": "1"}),
    (
        "ReplicationController",
        "replicationcontrollers",
        {"spec": {"selector": {"a": "b"}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": asking()}}},
        {"replicationcontrollers": "1"},
    ),
    ("Service", "services", {"spec": {"type": "NodePort", "ports": [{"port": 80}]}}, {"services.nodeports": "1"}),
    (
        "Service",
        "services",
        {"spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "allocateLoadBalancerNodePorts": False}},
        {"services": "1", "services.nodeports": "0", "services.loadbalancers": "1"},
    ),
    (
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "gold",
                "resources": {"requests": {"storage": "1Gi"}},
            }
        },
        {
            "persistentvolumeclaims": "1",
            "requests.storage": "1Gi",
            "gold.storageclass.storage.k8s.io/requests.storage": "1Gi",
            "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
            "silver.storageclass.storage.k8s.io/requests.storage": "0",
        },
    ),
]


@pytest.mark.parametrize(("kind", "plural", "fields", "counts"), LIVES, ids=[life[0] for life in LIVES])
def test_the_life_of_an_object_is_captured(
    kind: str, plural: str, fields: dict[str, Any], counts: dict[str, str]
) -> None:
    """Conformance: the life of a configMap, a secret, a replication controller, a service (and of a claim)."""

    async def test(world: World) -> None:
        await make(world, QUOTAS, quota({name: value if value != "0" else "1" for name, value in counts.items()}))
        obj = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "first"}, **fields}
        await make(world, f"{BASE}/{plural}", obj)
        await used(world, counts)
        message = await refused(world, f"{BASE}/{plural}", {**obj, "metadata": {"name": "second"}})
        assert message.startswith(f'{plural} "second" is forbidden: exceeded quota: q, requested: ')
        status, _ = await world.ask("DELETE", f"{BASE}/{plural}/first?propagationPolicy=Background")
        assert status == 200
        free = {"metadata": {"finalizers": None}}  # of a claim: that no pod uses it
        await world.ask("PATCH", f"{BASE}/{plural}/first", free, content_type=JSON)
        await used(world, dict.fromkeys(counts, "0"))
        await make(world, f"{BASE}/{plural}", {**obj, "metadata": {"name": "second"}})

    in_world(test)


def test_the_life_of_a_replica_set() -> None:
    """Conformance: the life of a replica set."""

    async def test(world: World) -> None:
        await make(world, QUOTAS, quota({"count/replicasets.apps": "1"}))
        sets = "/apis/apps/v1/namespaces/default/replicasets"
        template = {"metadata": {"labels": {"a": "b"}}, "spec": asking()}
        spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
        obj = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "a"}, "spec": spec}
        await make(world, sets, obj)
        assert "count/replicasets.apps=1" in await refused(world, sets, {**obj, "metadata": {"name": "b"}})
        await world.ask("DELETE", f"{sets}/a")
        await used(world, {"count/replicasets.apps": "0"})

    in_world(test)


def test_the_life_of_a_pod() -> None:
    """Conformance: the life of a pod."""

    async def test(world: World) -> None:
        hard = {"pods": "5", "cpu": "1", "memory": "500Mi", "ephemeral-storage": "50Gi", "requests.example.com/d": "3"}
        await make(world, QUOTAS, quota(hard))
        wants = {"cpu": "500m", "memory": "252Mi", "ephemeral-storage": "30Gi", "example.com/d": "2"}
        spec = asking(wants, {"example.com/d": "2"})
        await make(world, PODS, pod("fits", **spec))
        now = {
            "cpu": "500m",
            "memory": "252Mi",
            "ephemeral-storage": "30Gi",
            "requests.example.com/d": "2",
            "pods": "1",
        }
        await used(world, now)
        too_much = asking({"cpu": "600m", "memory": "100Mi"})
        assert await refused(world, PODS, pod("large", **too_much)) == (
            'pods "large" is forbidden: exceeded quota: q, requested: cpu=600m, used: cpu=500m, limited: cpu=1'
        )
        devices = asking({"cpu": "1m", "memory": "1Mi", "example.com/d": "2"}, {"example.com/d": "2"})
        assert "requested: requests.example.com/d=2" in await refused(world, PODS, pod("devices", **devices))
        status, _ = await world.ask("PATCH", f"{PODS}/fits", {"metadata": {"labels": {"a": "b"}}}, content_type=JSON)
        assert status == 200
        await used(world, now)
        await world.ask("DELETE", f"{PODS}/fits")
        await used(world, dict.fromkeys(hard, "0"))

    in_world(test)


def test_a_pod_that_has_ended_is_counted_as_an_object_only() -> None:
    async def test(world: World) -> None:
        await make(world, QUOTAS, quota({"pods": "1", "count/pods": "2"}))
        await make(world, PODS, pod("a"))
        done = {"status": {"phase": "Succeeded"}}
        status, answer = await world.ask("PATCH", f"{PODS}/a/status", done, content_type=JSON)
        assert status == 200, answer
        await used(world, {"pods": "0", "count/pods": "1"})
        await make(world, PODS, pod("b"))
        assert "count/pods=1" in await refused(world, PODS, pod("c"))

    in_world(test)


def test_a_new_pod_cannot_pretend_to_have_ended() -> None:
    async def test(world: World) -> None:
        await make(world, QUOTAS, quota({"pods": "0"}))
        await refused(world, PODS, {**pod("liar"), "status": {"phase": "Succeeded"}})

    in_world(test)


def test_containers_must_say_what_is_limited() -> None:
    async def test(world: World) -> None:
        await make(world, QUOTAS, quota({"limits.cpu": "1", "requests.memory": "1Gi"}))
        message = await refused(world, PODS, pod("p", **asking({"cpu": "1m"})))
        why = "failed quota: q: must specify limits.cpu for: main; requests.memory for: main"
        assert message == f'pods "p" is forbidden: {why}'

    in_world(test)


SCOPED: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"scopes": ["Terminating"]}, {"activeDeadlineSeconds": 3600}, {}),
    ({"scopes": ["NotTerminating"]}, {}, {"activeDeadlineSeconds": 3600}),
    ({"scopes": ["BestEffort"]}, {}, asking({"cpu": "1m"})),
    ({"scopes": ["NotBestEffort"]}, asking({"cpu": "1m"}), {}),
    (
        {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}},
        {"priorityClassName": "high"},
        {},
    ),
    (
        {"scopes": ["CrossNamespacePodAffinity"]},
        {
            "affinity": {
                "podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {"topologyKey": "a", "namespaceSelector": {}, "labelSelector": {}}
                    ]
                }
            }
        },
        {},
    ),
]


@pytest.mark.parametrize(("scope", "inside", "outside"), SCOPED, ids=range(len(SCOPED)))
def test_scopes(scope: dict[str, Any], inside: dict[str, Any], outside: dict[str, Any]) -> None:
    """Conformance: best effort scope; terminating scopes."""

    async def test(world: World) -> None:
        high = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1}
        await make(world, "/apis/scheduling.k8s.io/v1/priorityclasses", high)
        await make(world, QUOTAS, quota({"pods": "1"}, **scope))
        await make(world, PODS, pod("outside", **outside))
        await used(world, {"pods": "0"})
        await make(world, PODS, pod("inside", **inside))
        await used(world, {"pods": "1"})
        assert "exceeded quota: q" in await refused(world, PODS, pod("another", **inside))
        await make(world, PODS, pod("outside-2", **outside))
        await world.ask("DELETE", f"{PODS}/inside")
        await used(world, {"pods": "0"})

    in_world(test)


def test_update_and_delete() -> None:
    """Conformance: ResourceQuota, update and delete; manage lifecycle of a ResourceQuota."""

    async def test(world: World) -> None:
        created = await make(world, QUOTAS, quota({"cpu": "1", "memory": "500Mi"}))
        created["spec"]["hard"] = {"cpu": "2", "memory": "1Gi"}
        created["metadata"]["labels"] = {"a": "b"}
        del created["metadata"]["resourceVersion"]
        status, changed = await world.ask("PUT", f"{QUOTAS}/q", created)
        assert status == 200 and changed["spec"]["hard"]["cpu"] == "2", changed
        async with asyncio.timeout(60):
            while changed.get("status", {}).get("hard") != {"cpu": "2", "memory": "1Gi"}:
                _, changed = await world.ask("GET", f"{QUOTAS}/q")
                await asyncio.sleep(0)
        _, listed = await world.ask("GET", "/api/v1/resourcequotas?labelSelector=a%3Db")
        assert len(listed["items"]) == 1
        await world.ask("DELETE", f"{QUOTAS}?labelSelector=a%3Db")
        status, _ = await world.ask("GET", f"{QUOTAS}/q")
        assert status == 404
        await make(world, PODS, pod("free"))

    in_world(test)


def test_the_status_can_be_written() -> None:
    """Conformance: ResourceQuota, apply changes to a ResourceQuota status."""

    async def test(world: World) -> None:
        await make(world, QUOTAS, quota({"cpu": "500m", "memory": "500Mi"}))
        await used(world, {"cpu": "0"})
        patch = {"status": {"hard": {"cpu": "1", "memory": "1Gi"}}}
        status, answer = await world.ask("PATCH", f"{QUOTAS}/q/status", patch, content_type=JSON)
        assert status == 200 and answer["status"]["hard"] == {"cpu": "1", "memory": "1Gi"}
        assert answer["spec"]["hard"]["cpu"] == "500m"
        _, seen = await world.ask("GET", f"{QUOTAS}/q/status")
        assert seen["status"]["hard"]["cpu"] == "1"
        wrong = {"status": {"used": {"cpu": "-1"}}}
        status, answer = await world.ask("PATCH", f"{QUOTAS}/q/status", wrong, content_type=JSON)
        assert status == 422 and "must be greater than or equal to 0" in answer["message"]

    in_world(test)


def test_a_service_is_charged_for_what_an_update_adds() -> None:
    async def test(world: World) -> None:
        await make(world, QUOTAS, quota({"services.nodeports": "1"}))
        await make(world, f"{BASE}/services", service("a"))
        two = {"spec": {"type": "NodePort", "ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}}
        status, answer = await world.ask("PATCH", f"{BASE}/services/a", two, content_type=JSON)
        assert status == 403 and "requested: services.nodeports=2, used: services.nodeports=0" in answer["message"]
        one = {"spec": {"type": "NodePort"}}
        status, _ = await world.ask("PATCH", f"{BASE}/services/a", one, content_type=JSON)
        assert status == 200
        await used(world, {"services.nodeports": "1"})
        none = {"spec": {"type": "ClusterIP", "ports": [{"port": 80, "nodePort": None}]}}
        status, answer = await world.ask("PATCH", f"{BASE}/services/a", none, content_type=JSON)
        assert status == 200, answer
        await used(world, {"services.nodeports": "0"})

    in_world(test)


def test_devices_are_counted_by_their_class() -> None:
    """Each alternative counts, for the most that it takes; a request of all devices for as many as a claim can have."""

    async def test(world: World) -> None:
        claims = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims"
        small, large = (f"{name}.deviceclass.resource.k8s.io/devices" for name in ("small", "large"))
        await make(world, QUOTAS, quota({small: "4", large: "33", "count/resourceclaims.resource.k8s.io": "5"}))

        def claim(name: str, *requests: dict[str, Any]) -> dict[str, Any]:
            kind = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": name}}
            return {**kind, "spec": {"devices": {"requests": list(requests)}}}

        either = [
            {"name": "x", "deviceClassName": "small", "count": 2},
            {"name": "y", "deviceClassName": "small", "count": 3},
            {"name": "z", "deviceClassName": "large"},
        ]
        await make(world, claims, claim("either", {"name": "r", "firstAvailable": either}))
        await used(world, {small: "3", large: "1", "count/resourceclaims.resource.k8s.io": "1"})
        two = {"name": "r", "exactly": {"deviceClassName": "small", "count": 2}}
        assert await refused(world, claims, claim("two", two)) == (
            'resourceclaims.resource.k8s.io "two" is forbidden: exceeded quota: q, '
            f"requested: {small}=2, used: {small}=3, limited: {small}=4"
        )
        every = {"name": "r", "exactly": {"deviceClassName": "large", "allocationMode": "All"}}
        await make(world, claims, claim("every", every))
        await used(world, {large: "33"})
        await world.client.delete("ResourceClaim", "either", "default")
        await used(world, {small: "0", large: "32"})

    in_world(test)


async def resized(world: World, **resources: dict[str, str]) -> tuple[int, dict[str, Any]]:
    patch = {"spec": {"containers": [{"name": "main", "resources": resources}]}}
    return await world.ask("PATCH", f"{PODS}/web/resize", patch, content_type=STRATEGIC)


def test_a_resize_is_charged_and_refused_where_it_is_too_much() -> None:
    async def test(world: World) -> None:
        await make(world, QUOTAS, quota({"requests.cpu": "1", "limits.memory": "1Gi"}))
        await make(world, PODS, pod("web", **asking({"cpu": "100m"}, {"cpu": "2", "memory": "64Mi"})))
        assert (await resized(world, requests={"cpu": "800m"}))[0] == 200
        await used(world, {"requests.cpu": "800m", "limits.memory": "64Mi"})
        status, answer = await resized(world, requests={"cpu": "1200m"})
        assert (status, answer["message"]) == (
            403,
            'pods "web" is forbidden: exceeded quota: q, requested: requests.cpu=400m, used: requests.cpu=800m,'
            " limited: requests.cpu=1",
        )
        status, answer = await resized(world, limits={"memory": "2Gi"})
        assert status == 403 and "exceeded quota: q, requested: limits.memory=1984Mi" in answer["message"]
        await used(world, {"requests.cpu": "800m", "limits.memory": "64Mi"})
        assert (await resized(world, requests={"cpu": "200m"}))[0] == 200
        await used(world, {"requests.cpu": "200m"})

    in_world(test)


def test_what_a_node_still_holds_counts_until_it_has_resized() -> None:
    async def says(world: World, cpu: str, **status: Any) -> None:
        """The node: what the container was granted and has."""
        has = {"allocatedResources": {"cpu": cpu}, "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": "2"}}}
        entry = {"name": "main", "image": "nginx", "imageID": "i", "ready": True, "restartCount": 0, **has}
        whole = {"status": {"phase": "Running", "containerStatuses": [entry], **status}}
        assert (await world.ask("PATCH", f"{PODS}/web/status", whole, content_type=JSON))[0] == 200

    async def test(world: World) -> None:
        await make(world, QUOTAS, quota({"requests.cpu": "1"}))
        await make(world, PODS, pod("web", **asking({"cpu": "800m"}, {"cpu": "2"})))
        await says(world, "800m")
        assert (await resized(world, requests={"cpu": "200m"}))[0] == 200
        assert "used: requests.cpu=800m" in await refused(world, PODS, pod("other", **asking({"cpu": "500m"})))
        await says(world, "200m")
        await used(world, {"requests.cpu": "200m"})
        assert (await resized(world, requests={"cpu": "900m"}))[0] == 200
        await used(world, {"requests.cpu": "900m"})
        impossible = {"type": "PodResizePending", "status": "True", "reason": "Infeasible", "observedGeneration": 3}
        await says(world, "200m", conditions=[impossible])
        await used(world, {"requests.cpu": "200m"})
        await make(world, PODS, pod("other", **asking({"cpu": "500m"})))
        status, answer = await resized(world, requests={"cpu": "800m"})
        assert status == 403 and "requested: requests.cpu=600m, used: requests.cpu=700m" in answer["message"]

    in_world(test)


def test_a_write_that_fails_gives_its_charge_back() -> None:
    async def test(world: World) -> None:
        await make(world, QUOTAS, quota({"pods": "3"}))
        await make(world, PODS, pod("a"))
        for _ in range(5):
            status, _ = await world.ask("POST", PODS, pod("a"))
            assert status == 409
        status, _ = await world.ask("POST", f"{PODS}?dryRun=All", pod("dry"))
        assert status == 201
        await used(world, {"pods": "1"})

    in_world(test)


def test_what_was_there_before_the_quota_counts() -> None:
    async def test(world: World) -> None:
        for name in "abc":
            await make(world, PODS, pod(name))
        await make(world, QUOTAS, quota({"pods": "2"}))
        assert "used: pods=3, limited: pods=2" in await refused(world, PODS, pod("d"))

    in_world(test)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"hard": {"nonsense": "1"}}, "must be a standard resource for quota"),
    ({"hard": {"pods": "1500m"}}, "must be an integer"),
    ({"hard": {"cpu": "-1"}}, "must be greater than or equal to 0"),
    ({"hard": {"pods": "1"}, "scopes": ["Nope"]}, "unsupported scope"),
    ({"hard": {"cpu": "1"}, "scopes": ["BestEffort"]}, "unsupported scope applied to resource"),
    ({"hard": {"pods": "1"}, "scopes": ["BestEffort", "NotBestEffort"]}, "conflicting scopes"),
    (
        {
            "hard": {"pods": "1"},
            "scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"}]},
        },
        "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
    ),
]


@pytest.mark.parametrize(("spec", "why"), WRONG, ids=[why for _, why in WRONG])
def test_quotas_that_make_no_sense(spec: dict[str, Any], why: str) -> None:
    async def test(world: World) -> None:
        status, answer = await world.ask("POST", QUOTAS, {**quota({}), "spec": spec})
        assert status == 422 and why in answer["message"], answer

    in_world(test)


async def storm(client: LocalClient, clients: int, limit: int) -> None:
    """Many clients create, delete and create again: never more than the quota, and all of it is used in the end."""
    await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    account = {"name": "default", "namespace": "default"}
    await client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    await client.create(quota({"pods": str(limit)}))
    most = 0

    async def one(number: int) -> int:
        nonlocal most
        made = 0
        for attempt in range(3):
            name = f"p-{number}-{attempt}"
            try:
                await client.create(pod(name))
                made += 1
            except Exception as error:
                assert "exceeded quota" in str(error), error
            most = max(most, len((await client.list("Pod", "default")).items))
            if attempt == 0 and made:
                await client.delete("Pod", name, "default", grace_seconds=0)
        return made

    await asyncio.gather(*(one(number) for number in range(clients)))
    assert most <= limit
    there = len((await client.list("Pod", "default")).items)
    for number in range(limit):  # nothing is wedged: what is free can be had
        if there < limit:
            await until(lambda: client.create(pod(f"last-{number}")))  # noqa: B023
            there += 1
    with pytest.raises(Exception, match=f"exceeded quota: q, requested: pods=1, used: pods={limit}, limited"):
        await client.create(pod("over"))
    assert len((await client.list("Pod", "default")).items) == limit


async def until(create: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await create()
                return
            except Exception as error:
                assert "exceeded quota" in str(error), error
                await asyncio.sleep(0)


def test_sixty_four_clients_and_a_quota_of_fifty_in_memory() -> None:
    async def run() -> None:
        world = World()
        await world.store.open()
        await world.server.start()
        await storm(world.client, 64, 50)

    asyncio.run(run())


def test_sixty_four_clients_and_a_quota_of_fifty_on_disk(tmp_path: Any) -> None:
    async def run() -> None:
        store = SqliteStore(tmp_path / "store.db", stamp)
        await store.open()
        server = ApiServer(store, SystemClock(), Chance(1))
        await server.start()
        await storm(LocalClient(server), 64, 50)
        await server.backend.quotas.stop()
        await store.close()

    asyncio.run(run())
