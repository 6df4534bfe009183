"""ImagePolicyWebhook: a server says which images may run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from podo.admission.configuration import parse
from podo.api.configuration import ConfigurationProblem
from podo.apiserver.audit.auditor import Auditor
from podo.apiserver.audit.journal import Journal
from podo.apiserver.audit.policy import DEFAULT
from podo.cluster import access
from podo.cluster.config import Config, ConfigProblem
from podo.cluster.givenfiles import FILES, adopt
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from tests.unit.apiserver.world import World, pod
from tests.unit.authz.test_configured import Hook

PODS = "/api/v1/namespaces/default/pods"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
Test = Callable[[World, Hook], Awaitable[None]]


def document(kubeconfig: Path | str, **settings: Any) -> bytes:
    configuration = {"imagePolicy": {"kubeConfigFile": str(kubeconfig), **settings}}
    plugin = {"name": "ImagePolicyWebhook", "configuration": configuration}
    kind = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration"}
    return yaml.safe_dump({**kind, "plugins": [plugin]}).encode()


def judge(spec: dict[str, Any]) -> dict[str, Any] | None:
    images = [one["image"] for one in spec["containers"]]
    if "silent" in images:
        return None
    allowed = not any(image.startswith("bad") for image in images)
    reason = {} if allowed else {"reason": "bad images do not run here"}
    return {"allowed": allowed, **reason, "auditAnnotations": {"looked": str(len(images))}}


def judged(tmp_path: Path, test: Test, **settings: Any) -> None:
    async def run() -> None:
        hook = Hook(judge)
        found = parse(document(await hook.start(tmp_path), retryBackoff=1, **settings), "test")
        world = await World(admission=found).start()
        async with asyncio.timeout(60):
            await test(world, hook)
        await world.server.close()
        await hook.server.stop()

    asyncio.run(run())


def running(name: str, *images: str, **metadata: Any) -> dict[str, Any]:
    made = pod(name, containers=[{"name": f"c{number}", "image": image} for number, image in enumerate(images)])
    made["metadata"].update(metadata)
    return made


def test_who_is_asked_decides(tmp_path: Path) -> None:
    async def test(world: World, hook: Hook) -> None:
        shown = {"mine.image-policy.k8s.io/ticket": "42", "other": "x"}
        made = running("p", "good", annotations=shown)
        made["spec"]["initContainers"] = [{"name": "i", "image": "first"}]
        assert (await world.ask("POST", PODS, made))[0] == 201
        assert hook.asked == [
            {
                "containers": [{"image": "good"}, {"image": "first"}],
                "annotations": {"mine.image-policy.k8s.io/ticket": "42"},
                "namespace": "default",
            }
        ]
        status, answer = await world.ask("POST", PODS, running("q", "good", "bad/one"))
        assert status == 403
        denied = "image policy webhook backend denied one or more images: bad images do not run here"
        assert answer["message"] == f'pods "q" is forbidden: {denied}'

    judged(tmp_path, test)


def test_changed_images_and_ephemeral_containers_are_asked_about_too(tmp_path: Path) -> None:
    async def test(world: World, hook: Hook) -> None:
        await world.ask("POST", PODS, running("p", "good"))
        patch = {"spec": {"containers": [{"name": "c0", "image": "bad"}]}}
        assert (await world.ask("PATCH", f"{PODS}/p", patch, content_type=STRATEGIC))[0] == 403
        debug = {"spec": {"ephemeralContainers": [{"name": "debug", "image": "bad/tools"}]}}
        target = f"{PODS}/p/ephemeralcontainers"
        assert (await world.ask("PATCH", target, debug, content_type=STRATEGIC))[0] == 403
        assert hook.asked[-1] == {"containers": [{"image": "bad/tools"}], "namespace": "default"}
        count = len(hook.asked)
        status = {"status": {"message": "x"}}
        assert (await world.ask("PATCH", f"{PODS}/p/status", status, content_type=MERGE))[0] == 200
        assert len(hook.asked) == count

    judged(tmp_path, test)


def test_answers_are_kept_for_their_times(tmp_path: Path) -> None:
    async def test(world: World, hook: Hook) -> None:
        for name in ("a", "b"):
            assert (await world.ask("POST", PODS, running(name, "good")))[0] == 201
            assert (await world.ask("POST", PODS, running(name + "x", "bad")))[0] == 403
        assert [one["containers"][0]["image"] for one in hook.asked] == ["good", "bad", "bad"]

    judged(tmp_path, test, allowTTL=60, denyTTL=-1)


@pytest.mark.parametrize("lets_in", [False, True])
def test_a_server_that_does_not_answer(tmp_path: Path, lets_in: bool) -> None:
    async def test(world: World, hook: Hook) -> None:
        lines: list[bytes] = []
        journal = Journal([lines.extend])
        journal.start()
        world.server.audit(Auditor(DEFAULT, journal, SystemClock(), Chance(1)))
        status, answer = await world.ask("POST", PODS, running("p", "silent"))
        journal.stop()
        if not lets_in:
            assert status == 403 and "403" in answer["message"]
            return
        assert status == 201
        assert answer["metadata"]["annotations"] == {"alpha.image-policy.k8s.io/failed-open": "true"}
        stored = await world.client.get("Pod", "p", "default")
        assert stored["metadata"]["annotations"] == {"alpha.image-policy.k8s.io/failed-open": "true"}
        assert b'"imagepolicywebhook.image-policy.k8s.io/failed-open":"true"' in lines[-1]

    judged(tmp_path, test, defaultAllow=lets_in)


def test_what_it_tells_is_in_the_audit_log(tmp_path: Path) -> None:
    async def test(world: World, hook: Hook) -> None:
        lines: list[bytes] = []
        journal = Journal([lines.extend])
        journal.start()
        world.server.audit(Auditor(DEFAULT, journal, SystemClock(), Chance(1)))
        await world.ask("POST", PODS, running("p", "good", "better"))
        journal.stop()
        assert b'"imagepolicywebhook.image-policy.k8s.io/looked":"2"' in lines[-1]

    judged(tmp_path, test)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (document("/nowhere"), "kubeConfigFile '/nowhere'"),
        (document("/nowhere", allowTTL=1801), "allowTTL: valid value is between 1 and 1800 seconds, got 1801"),
        (document("/nowhere", denyTTL=-2), "denyTTL: valid value is between"),
        (document("/nowhere", retryBackoff=300_001), "retryBackoff: valid value is between 1 and 300000 milliseconds"),
        (document("/nowhere", nonsense=1), "nonsense"),
        (b"kind: AdmissionConfiguration", "must be an AdmissionConfiguration of apiserver.config.k8s.io/v1"),
        (document("x").replace(b"ImagePolicyWebhook", b"PodSecurity"), "configured by --pod-security"),
        (document("x").replace(b"ImagePolicyWebhook", b"AlwaysAdmit"), "'AlwaysAdmit' takes no configuration"),
    ],
)
def test_configurations_that_cannot_be_used(text: bytes, why: str) -> None:
    with pytest.raises(ConfigurationProblem, match=why):
        parse(text, "test")


def test_the_configuration_is_given_as_others_are(tmp_path: Path) -> None:
    config = Config("test", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    given = next(one for one in FILES if one.option == "--admission-config")
    (tmp_path / "file").write_bytes(document(tmp_path / "none"))
    with pytest.raises(ConfigProblem, match="kubeConfigFile"):
        adopt(config, given, tmp_path / "file")
    assert access.admission_of(config).image_policy is None
    asyncio.run(Hook(judge).start(tmp_path))
    (tmp_path / "file").write_bytes(document(tmp_path / "hook.kubeconfig", defaultAllow=True))
    adopt(config, given, tmp_path / "file")
    found = access.admission_of(config).image_policy
    assert found is not None and found.default_allow
    assert (found.allow_ttl, found.deny_ttl, found.retry_backoff) == (300, 30, 0.5)
