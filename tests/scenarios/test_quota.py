"""Quotas and limits in a whole cluster: controllers run into them and go on when there is room again."""

from __future__ import annotations

from typing import Any

from podo.lab import World

QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}}


def deployment(replicas: int) -> dict[str, Any]:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "nginx"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def used(world: World) -> str | None:
    status: dict[str, Any] = world.get("ResourceQuota", "q").get("status") or {}
    found: str | None = (status.get("used") or {}).get("pods")
    return found


def test_a_deployment_is_held_at_its_quota_and_goes_on_when_there_is_room() -> None:
    with World(nodes=1, seed=3) as world:
        world.apply([QUOTA, deployment(5)])
        world.wait_until(lambda: len(world.pods("default")) == 2 and used(world) == "2", what="two pods")
        (told, *_) = [one for one in world.events() if one["reason"] == "FailedCreate"]
        assert "is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2" in told["message"]
        condition = {one["type"]: one for one in world.get("Deployment", "web")["status"]["conditions"]}
        assert condition["ReplicaFailure"]["status"] == "True"
        world.apply({**QUOTA, "spec": {"hard": {"pods": "9"}}})
        world.wait_for("Deployment", "web", condition="Available", within=600)
        world.wait_until(lambda: len(world.pods("default")) == 5 and used(world) == "5", within=900, what="all pods")
        world.scale("Deployment", "web", 1)
        world.wait_until(lambda: used(world) == "1", within=120, what="room given back")


def test_what_drifted_is_counted_anew_after_five_minutes_and_after_a_restart() -> None:
    with World(nodes=1, seed=4) as world:
        world.apply([{**QUOTA, "spec": {"hard": {"pods": "9"}}}, deployment(3)])
        world.wait_until(lambda: used(world) == "3", what="three pods")
        world.settle()

        def spoil(where: World) -> None:
            patch = {"status": {"used": {"pods": "7"}}}
            where.run(where.client.patch("ResourceQuota", "q", "default", patch=patch, subresource="status"))
            assert used(where) == "7"

        spoil(world)
        with world.fork() as other:
            other.wait_until(lambda: used(other) == "3", what="a count at the start")
        world.advance(301)
        assert used(world) == "3"
