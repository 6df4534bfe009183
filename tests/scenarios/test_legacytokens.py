"""Legacy service-account tokens over the years: their use is noted, and those that nobody uses go."""

from __future__ import annotations

import base64
from typing import Any

from podo.api.meta import labels_of, name_of
from podo.controllers.legacytokentracking import NAME, NAMESPACE, PAUSE
from podo.lab import World
from podo.values import timestamp

DAY = 24 * 3600.0
YEAR = 365 * DAY
USED, INVALID = "kubernetes.io/legacy-token-last-used", "kubernetes.io/legacy-token-invalid-since"


def since(world: World) -> str:
    found = [one for one in world.list("ConfigMap", NAMESPACE) if name_of(one) == NAME]
    return found[0]["data"]["since"] if found else ""


def token_secret(world: World, name: str) -> None:
    annotations = {"kubernetes.io/service-account.name": "bot"}
    metadata = {"name": name, "annotations": annotations}
    world.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/service-account-token"}
    )
    world.wait_until(lambda: world.get("Secret", name).get("data"))


def account(world: World, *secrets: str) -> None:
    """An account as older clusters have them: it lists the tokens that were made for it."""
    listed = {"secrets": [{"name": name} for name in secrets]} if secrets else {}
    world.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot"}, **listed})


def use(world: World, name: str) -> dict[str, Any]:
    """What the API server says of the token in a Secret."""
    token = base64.b64decode(world.get("Secret", name)["data"]["token"]).decode()
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    status: dict[str, Any] = world.run(world.client.create(review))["status"]
    world.settle()
    return status


def label(world: World, name: str, key: str) -> str:
    return labels_of(world.get("Secret", name)).get(key, "")


def secrets(world: World) -> list[str]:
    return [name_of(one) for one in world.list("Secret", "default")]


def test_it_is_told_since_when_the_use_of_tokens_is_noted() -> None:
    with World(nodes=0) as world:
        first = world.wait_until(lambda: since(world))
        assert first == timestamp.day(world.now)
        world.advance(600)
        world.delete("ConfigMap", NAME, NAMESPACE)
        world.advance(PAUSE - 660)
        assert since(world) == ""
        world.wait_until(lambda: since(world) == timestamp.day(world.now), within=120)
        world.advance(3 * DAY)
        world.run(world.client.patch("ConfigMap", NAME, NAMESPACE, patch={"data": {"since": "2026-2-30"}}))
        world.wait_until(lambda: since(world) == timestamp.day(world.now), within=5)
        world.delete("ConfigMap", NAME, NAMESPACE)
        world.wait_until(lambda: since(world), within=5)


def test_the_day_of_a_tokens_last_use_is_written_once() -> None:
    with World(nodes=0) as world:
        account(world)
        token_secret(world, "token")
        assert use(world, "token")["authenticated"]
        assert label(world, "token", USED) == timestamp.day(world.now)
        before = world.get("Secret", "token")["metadata"]["resourceVersion"]
        assert use(world, "token")["authenticated"]
        assert world.get("Secret", "token")["metadata"]["resourceVersion"] == before
        world.advance(DAY)
        assert label(world, "token", USED) == timestamp.day(world.now - DAY)
        use(world, "token")
        assert label(world, "token", USED) == timestamp.day(world.now)


def test_tokens_that_nobody_uses_are_marked_after_a_year_and_removed_a_year_later() -> None:
    with World(nodes=0) as world:
        listed = ["late", "mounted", "needed", "unused", "used"]
        account(world, *listed)
        for name in (*listed, "by-hand"):
            token_secret(world, name)
        volume = {"name": "token", "secret": {"secretName": "mounted"}}
        spec = {
            "containers": [{"name": "c", "image": "nginx:1.14.2"}],
            "volumes": [volume],
            "schedulingGates": [{"name": "example.com/never"}],
        }
        world.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "old"}, "spec": spec})
        world.advance(100 * DAY)
        use(world, "used")
        world.advance(265 * DAY)
        assert not any(label(world, name, INVALID) for name in secrets(world))
        world.advance(2 * DAY)
        marked = {name for name in secrets(world) if label(world, name, INVALID)}
        assert marked == {"late", "needed", "unused"}
        day = label(world, "unused", INVALID)
        assert timestamp.day(world.now - 2 * DAY) < day <= timestamp.day(world.now)

        refused = use(world, "needed")
        assert "authenticated" not in refused and refused["error"] == (
            "the token in secret default/needed for service account default/bot has been marked invalid. Use tokens "
            "from the TokenRequest API or manually created secret-based tokens, or remove the "
            f"'{INVALID}' label from the secret to temporarily allow use of this token"
        )
        world.run(world.client.patch("Secret", "late", "default", patch={"metadata": {"labels": {INVALID: None}}}))
        assert use(world, "late")["authenticated"]

        world.advance(YEAR - 2 * DAY)
        assert "unused" in secrets(world)
        assert label(world, "used", INVALID), "it was last used more than a year ago"
        world.advance(5 * DAY)
        assert secrets(world) == ["by-hand", "late", "mounted", "used"]
        assert "unused" not in [one["name"] for one in world.get("ServiceAccount", "bot")["secrets"]]
        assert use(world, "by-hand")["authenticated"] and use(world, "mounted")["authenticated"]
