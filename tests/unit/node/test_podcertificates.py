"""Projected trust bundles and pod certificates: the files that a pod sees, while its signer and its bundles change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from podo.node.certificates import keys
from podo.node.certificates.podcertificates import PodCertificates
from podo.node.machine import MachineFailure
from podo.node.sources import Sources
from podo.node.sourcewatch import Reference, references
from podo.node.volumes.podvolumes import PodVolumes
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock
from tests.unit.apiserver.world import World, in_world, pod
from tests.unit.node.podsigner import NAME, Signer, condition
from tests.unit.node.test_volumes import shown

Obj = dict[str, Any]
CERTIFICATE = {
    "signerName": NAME,
    "keyType": "ECDSAP256",
    "userAnnotations": {"example.com/role": "web"},
    "credentialBundlePath": "all.pem",
    "keyPath": "key.pem",
    "certificateChainPath": "chain.pem",
}


class Laterable(SystemClock):
    """The machine's clock, a while ahead."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


class Node:
    """The volumes of one pod on a node of a real API."""

    def __init__(self, world: World, root: Path) -> None:
        self.world = world
        self.clock = Laterable()
        self.told: list[tuple[str, str]] = []
        self.issued: list[str] = []
        self.signer = Signer()
        tell = lambda pod, reason, message: self.told.append((reason, message))  # noqa: E731
        self.certificates = PodCertificates(
            *(world.client, self.clock, Chance(1), "n1", tell), on_issued=self.issued.append
        )
        self.sources = Sources(world.client, self.clock, "n1", self.certificates)
        self.volumes = PodVolumes(root, self.sources, {})

    async def run(self, *parts: Obj) -> Obj:
        await self.world.client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
        volumes = [{"name": "v", "projected": {"sources": list(parts)}}]
        wanted = pod("web", nodeName="n1", serviceAccountName="default", automountServiceAccountToken=False)
        wanted["spec"]["volumes"] = volumes
        return await self.world.client.create(wanted)

    def shown(self, made: Obj) -> dict[str, bytes]:
        return shown(self.volumes.path(made, made["spec"]["volumes"][0]))

    async def requests(self) -> list[Obj]:
        return (await self.world.client.list("PodCertificateRequest", "default")).items

    async def until(self, true: Callable[[], Awaitable[Any]]) -> Any:
        while not (found := await true()):
            await asyncio.sleep(0.01)
        return found

    async def decide(self, status: Callable[[Obj], Obj]) -> Obj:
        """What a signer does: the first request without a decision gets one."""

        async def undecided() -> Obj | None:
            waiting = (each for each in await self.requests() if not (each.get("status") or {}).get("conditions"))
            return next(waiting, None)

        request: Obj = await self.until(undecided)
        await self.world.client.update({**request, "status": status(request["spec"])}, subresource="status")
        return request


def on_node(test: Callable[[Node], Awaitable[None]], root: Path) -> None:
    async def run(world: World) -> None:
        node = Node(world, root)
        try:
            await test(node)
        finally:
            await node.sources.stop()

    in_world(run)


def test_a_pod_gets_a_key_and_a_certificate_for_it_and_another_in_time(tmp_path: Path) -> None:
    async def test(node: Node) -> None:
        made = await node.run({"podCertificate": dict(CERTIFICATE)})
        starting = asyncio.ensure_future(node.volumes.prepare(made))
        request = await node.decide(node.signer.issue)
        await starting
        assert request["spec"]["unverifiedUserAnnotations"] == {"example.com/role": "web"}
        assert request["spec"]["podUID"] == made["metadata"]["uid"]
        assert request["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
        files = node.shown(made)
        assert files["all.pem"] == files["key.pem"] + files["chain.pem"]
        leaf = load_pem_x509_certificates(files["chain.pem"])[0]
        assert load_pem_private_key(files["key.pem"], None).public_key() == leaf.public_key()
        await node.volumes.refresh(made)
        assert (node.shown(made), len(await node.requests())) == (files, 1)
        node.clock.ahead = 601
        await node.volumes.refresh(made)
        assert node.shown(made) == files  # the old one, while the new one is waited for
        await node.decide(node.signer.issue)
        await node.until(lambda: _true(len(node.issued) == 2))
        await node.volumes.refresh(made)
        assert node.shown(made)["key.pem"] != files["key.pem"]

    on_node(test, tmp_path)


def test_a_renewal_that_cannot_be_asked_for_leaves_what_there_is(tmp_path: Path) -> None:
    async def test(node: Node) -> None:
        made = await node.run({"podCertificate": dict(CERTIFICATE)})
        starting = asyncio.ensure_future(node.volumes.prepare(made))
        await node.decide(node.signer.issue)
        await starting
        files = node.shown(made)
        await node.world.client.delete("Node", "n1")
        node.sources.forget("Node", "", "n1")
        node.clock.ahead = 601
        await node.volumes.refresh(made)
        assert (node.shown(made), len(await node.requests())) == (files, 1)

    on_node(test, tmp_path)


async def _true(found: bool) -> bool:
    return found


@pytest.mark.parametrize(("kind", "verb"), [("Denied", "was denied"), ("Failed", "failed")])
def test_a_refused_pod_is_told_why_and_asks_no_more(tmp_path: Path, kind: str, verb: str) -> None:
    async def test(node: Node) -> None:
        made = await node.run({"podCertificate": dict(CERTIFICATE)})
        starting = asyncio.ensure_future(node.volumes.prepare(made))
        no = condition(kind, time.time(), "UnsupportedKeyType", "use ED25519")
        name = (await node.decide(lambda spec: {"conditions": [no]}))["metadata"]["name"]
        why = f'PodCertificateRequest default/{name} {verb}, reason="UnsupportedKeyType", message="use ED25519"'
        with pytest.raises(MachineFailure, match="UnsupportedKeyType") as failure:
            await starting
        assert failure.value.message == f'MountVolume.SetUp failed for volume "v" : {why}'
        assert node.told == [(kind, why)]
        with pytest.raises(MachineFailure, match="use ED25519"):
            await node.volumes.prepare(made)
        assert len(await node.requests()) == 1

    on_node(test, tmp_path)


def test_a_request_that_is_removed_is_made_again(tmp_path: Path) -> None:
    async def test(node: Node) -> None:
        made = await node.run({"podCertificate": dict(CERTIFICATE)})
        starting = asyncio.ensure_future(node.volumes.prepare(made))
        name = (await node.until(node.requests))[0]["metadata"]["name"]
        await node.world.client.delete("PodCertificateRequest", name, "default")
        with pytest.raises(MachineFailure, match="another one will be made"):
            await starting
        again = asyncio.ensure_future(node.volumes.prepare(made))
        await node.decide(node.signer.issue)
        await again
        assert set(node.shown(made)) == {"all.pem", "key.pem", "chain.pem"}

    on_node(test, tmp_path)


@pytest.mark.parametrize("key_type", ["RSA3072", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"])
def test_each_type_of_key_is_one_that_the_api_takes(key_type: str) -> None:
    from podo.api.kinds.certificates.podcertificaterequest import PODCERTIFICATEREQUEST
    from tests.unit.apiserver.examples import example

    wanted = example(PODCERTIFICATEREQUEST)
    PODCERTIFICATEREQUEST.fill_in(wanted)
    wanted["spec"] = {**wanted["spec"], "maxExpirationSeconds": 3600}
    wanted["spec"]["stubPKCS10Request"] = keys.make(key_type).request
    assert list(PODCERTIFICATEREQUEST.problems(wanted, None)) == []


def bundle(name: str, content: str, signer: str = "", **labels: str) -> Obj:
    spec = {"trustBundle": content, **({"signerName": signer} if signer else {})}
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "certificates.k8s.io/v1", "kind": "ClusterTrustBundle", "metadata": metadata, "spec": spec}


def trust(path: str, **more: Any) -> Obj:
    return {"clusterTrustBundle": {"path": path, **more}}


def test_bundles_are_chosen_joined_and_followed(tmp_path: Path) -> None:
    one, two, three = (Signer(name).ca for name in ("one", "two", "three"))

    async def test(node: Node) -> None:
        of_signer = {"signerName": NAME}
        made = await node.run(
            trust("named", name="plain"),
            trust("live", **of_signer, labelSelector={"matchLabels": {"live": "yes"}}),
            trust("all", **of_signer, labelSelector={}),
            trust("none", **of_signer, optional=True),
        )
        create = node.world.client.create
        await create(bundle("example.com:pods:a", f"a comment\n{one}{two}", NAME, live="yes"))
        await create(bundle("example.com:pods:b", three + one, NAME))
        with pytest.raises(MachineFailure, match=r'clustertrustbundle.certificates.k8s.io "plain" not found'):
            await node.volumes.prepare(made)
        plain = await create(bundle("plain", three))
        node.sources.forget("ClusterTrustBundle", "", "plain")
        await node.volumes.prepare(made)
        expected = {"named": three, "live": one + two, "all": one + two + three, "none": ""}
        assert node.shown(made) == {path: text.encode() for path, text in expected.items()}
        watched = references(made)
        assert Reference("ClusterTrustBundle", "", "plain") in watched
        assert "spec.signerName=example.com/pods" in {reference.fields for reference in watched}
        await node.world.client.update({**plain, "spec": {"trustBundle": one}})
        node.sources.forget("ClusterTrustBundle", "", "plain")
        await node.volumes.refresh(made)
        assert node.shown(made)["named"] == one.encode()

    on_node(test, tmp_path)


def test_a_signer_without_bundles_holds_up_the_pod(tmp_path: Path) -> None:
    async def test(node: Node) -> None:
        made = await node.run(trust("none", signerName=NAME, labelSelector={}))
        with pytest.raises(MachineFailure, match="combination of signerName and labelSelector matched zero"):
            await node.volumes.prepare(made)

    on_node(test, tmp_path)
