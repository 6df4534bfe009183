"""Secrets that hold tokens of service accounts, and the accounts that list them."""

from __future__ import annotations

from typing import Any

from podo.api.meta import name_of
from podo.lab import Faults, World

TYPE = "kubernetes.io/service-account-token"


def account(*secrets: str) -> dict[str, Any]:
    listed = [{"name": name} for name in secrets]
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}, "secrets": listed}


def token(name: str) -> dict[str, Any]:
    metadata = {"name": name, "annotations": {"kubernetes.io/service-account.name": "robot"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": TYPE}


def listed(world: World) -> list[str]:
    return [each["name"] for each in world.get("ServiceAccount", "robot").get("secrets") or ()]


def test_an_account_forgets_a_token_that_is_gone() -> None:
    with World(nodes=0, faults=Faults(watch_lag=0.5, errors=0.1)) as world:
        world.apply(account("one", "two", "plain", "never-made"))
        world.apply([token("one"), token("two"), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "plain"}}])
        world.wait_until(lambda: (world.get("Secret", "one").get("data") or {}).get("token"), within=30)
        world.delete("Secret", "one")
        world.delete("Secret", "plain")
        world.wait_until(lambda: listed(world) == ["two", "plain", "never-made"], within=30)
        world.advance(60)
        assert listed(world) == ["two", "plain", "never-made"], "what is no token is not its business"
        world.apply(account("two"))
        world.delete("Secret", "two")
        world.wait_until(lambda: "secrets" not in world.get("ServiceAccount", "robot"), within=30)


def test_a_token_goes_with_its_account() -> None:
    with World(nodes=0) as world:
        world.apply(account("one"))
        world.apply(token("one"))
        world.wait_until(lambda: (world.get("Secret", "one").get("data") or {}).get("token"), within=10)
        world.delete("ServiceAccount", "robot")
        world.wait_until(lambda: "one" not in map(name_of, world.list("Secret")), within=10)
