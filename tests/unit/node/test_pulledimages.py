"""Images that credentials opened: pods with those run from what is on the node, pods without them do not."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from podo.node.pulledimages import PulledImages, repository
from podo.node.pullsecrets import Login
from podo.node.runtimes.contract import RuntimeFailure
from tests.unit.node.test_agent import Node, is_running, tell

Obj = dict[str, Any]
PRIVATE = "registry.local/team/web:1"
JANE = Login("jane", "secret", ("u1", "default", "jane"))


def private(node: Node) -> None:
    """The registry of the node's runtime opens to one user only."""
    pull = node.runtime.pull_image

    async def asked(reference: str, *, username: str = "", password: str = "") -> str:
        if reference.startswith("registry.local/team/") and (username, password) != ("jane", "secret"):
            raise RuntimeFailure("failed", "401 Unauthorized")
        return await pull(reference)

    node.runtime.pull_image = asked  # type: ignore[method-assign]


async def login(node: Node, name: str, password: str = "secret") -> None:
    entry = {"auths": {"registry.local": {"username": "jane", "password": password}}}
    await node.client.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": "default"},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(orjson.dumps(entry)).decode()},
        }
    )


async def create(node: Node, name: str, *secrets: str, policy: str = "IfNotPresent") -> None:
    containers = [{"name": "web", "image": PRIVATE, "imagePullPolicy": policy}]
    await node.create(name, containers=containers, imagePullSecrets=[{"name": secret} for secret in secrets])


def waits_with(reason: str) -> Callable[[Obj], bool]:
    def waits(pod: Obj) -> bool:
        statuses = pod["status"].get("containerStatuses") or ()
        return any((each["state"].get("waiting") or {}).get("reason") == reason for each in statuses)

    return waits


def test_a_pod_without_the_credentials_asks_the_registry_itself() -> None:
    async def story(node: Node) -> None:
        private(node)
        await login(node, "jane")
        await create(node, "first", "jane")
        await node.until(is_running, "first")
        await create(node, "other")
        await node.until(waits_with("ErrImagePull"), "other")
        await create(node, "never", policy="Never")
        await node.until(waits_with("ErrImageNeverPull"), "never")
        await create(node, "same", "jane")
        await node.until(is_running, "same")
        told = [(reason, message) for reason, message, _ in await node.told()]
        assert ("Failed", f'Failed to pull image "{PRIVATE}": 401 Unauthorized') in told
        never = f'Container image "{PRIVATE}" is not present with pull policy of Never'
        assert ("ErrImageNeverPull", never) in told
        have = f'Container image "{PRIVATE}" already present on machine and can be accessed by the pod'
        assert ("Pulled", have) in told
        assert sum(reason == "Pulling" for reason, _ in told) == 2

    tell(story)


def test_what_an_administrator_put_there_is_everybodys_and_so_is_what_anybody_may_pull() -> None:
    async def story(node: Node) -> None:
        await node.runtime.pull_image(PRIVATE)
        private(node)
        await create(node, "preloaded")
        await node.until(is_running, "preloaded")
        await node.create("open")
        await node.until(is_running, "open")
        await node.create("again")
        await node.until(is_running, "again")
        assert sum(reason == "Pulling" for reason, _, _ in await node.told()) == 1

    tell(story)


def test_each_login_is_tried() -> None:
    async def story(node: Node) -> None:
        private(node)
        await login(node, "wrong", "guess")
        await login(node, "right")
        await create(node, "web", "wrong", "absent", "right")
        await node.until(is_running)
        told = [reason for reason, _, _ in await node.told()]
        assert "FailedToRetrieveImagePullSecret" in told

    tell(story)


def test_records_outlive_the_agent_and_go_with_the_image(tmp_path: Path) -> None:
    pulled = PulledImages(tmp_path)
    pulled.begins(PRIVATE)
    assert PulledImages(tmp_path).needs_check(PRIVATE, "sha256:cut-off")
    pulled.succeeded(PRIVATE, "sha256:1", JANE)
    pulled.ends(PRIVATE)
    again = PulledImages(tmp_path)
    assert not again.needs_check(PRIVATE, "sha256:preloaded")
    assert again.needs_check(PRIVATE, "sha256:1")
    assert again.opens(PRIVATE, "sha256:1", [JANE])
    stranger = Login("joe", "other", ("u2", "default", "joe"))
    assert not again.opens(PRIVATE, "sha256:1", [stranger])
    assert again.opens(PRIVATE, "sha256:1", [Login("jane", "secret", ("u3", "other", "copy"))])
    assert again.opens(PRIVATE, "sha256:1", [Login("x", "y", ("u3", "other", "copy"))])  # known by its Secret since
    assert b"secret" not in b"".join(path.read_bytes() for path in (tmp_path / "pulled").iterdir()).replace(
        b"Secrets", b""
    )
    again.prune({"sha256:2"})
    assert not PulledImages(tmp_path).needs_check(PRIVATE, "sha256:1")


def test_another_name_of_the_same_image_is_another_place(tmp_path: Path) -> None:
    pulled = PulledImages()
    pulled.succeeded("open.example/web:1", "sha256:1", None)
    assert not pulled.needs_check("open.example/web:2", "sha256:1")
    assert pulled.needs_check(PRIVATE, "sha256:1")
    pulled.succeeded(PRIVATE, "sha256:1", JANE)
    pulled.succeeded(PRIVATE, "sha256:1", None)
    assert not pulled.needs_check(PRIVATE, "sha256:1")


def test_a_repository_is_a_name_without_its_tag() -> None:
    names = ("web", "web:1", "web@sha256:1", "h:5000/web", "h:5000/a/web:1@sha256:1")
    assert [repository(name) for name in names] == ["web", "web", "web", "h:5000/web", "h:5000/a/web"]
