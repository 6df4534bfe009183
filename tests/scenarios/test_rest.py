"""A cluster in which nothing happens writes nothing but heartbeats."""

from __future__ import annotations

from podo.lab import World

KINDS = (
    "Deployment",
    "ReplicaSet",
    "Pod",
    "Service",
    "Endpoints",
    "EndpointSlice",
    "Namespace",
    "ServiceAccount",
    "ConfigMap",
)


def versions(world: World) -> dict[tuple[str, str, str], str]:
    return {
        (kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): obj["metadata"]["resourceVersion"]
        for kind in KINDS
        for obj in world.list(kind)
    }


def test_half_an_hour_of_rest() -> None:
    labels = {"app": "web"}
    container = {"name": "c", "image": "nginx:1.14.2", "ports": [{"name": "http", "containerPort": 80}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    ports = [{"name": "web", "port": 80, "targetPort": "http"}]
    with World(nodes=3) as world:
        world.apply(
            [
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {"name": "web"},
                    "spec": {"replicas": 6, "selector": {"matchLabels": labels}, "template": template},
                },
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "web"},
                    "spec": {"selector": labels, "ports": ports},
                },
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": "waits", "labels": labels},
                    "spec": {"containers": [container], "nodeSelector": {"no": "node"}},
                },
            ]
        )
        world.settle()
        world.advance(60)
        before = versions(world)
        world.advance(1800)
        assert versions(world) == before
