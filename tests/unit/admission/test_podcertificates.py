"""Trust bundles and pod certificates at the API: who may attest, ask and sign, and what is refused as malformed."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from podo.api.parts import pem
from podo.node.certificates import keys
from tests.unit.admission.test_access import JANE, grant, rule
from tests.unit.apiserver.world import World, certificate, in_world, pod
from tests.unit.node.podsigner import NAME, Signer, condition

Obj = dict[str, Any]
GROUP = "/apis/certificates.k8s.io/v1"
BUNDLES, REQUESTS = f"{GROUP}/clustertrustbundles", f"{GROUP}/namespaces/default/podcertificaterequests"
NODE, OTHER_NODE = certificate("system:node:n1", "system:nodes"), certificate("system:node:n2", "system:nodes")
SIGNER = Signer()
RIGHTS = rule("*", "clustertrustbundles podcertificaterequests podcertificaterequests/status", "certificates.k8s.io")


def bundle(name: str, content: str = SIGNER.ca, signer: str = "") -> Obj:
    spec = {"trustBundle": content, **({"signerName": signer} if signer else {})}
    return {"metadata": {"name": name}, "spec": spec}


def causes(answer: Obj) -> list[str]:
    return [f"{cause['field']}: {cause['message']}" for cause in answer["details"]["causes"]]


def test_a_bundle_of_a_signer_takes_the_right_to_attest_for_it() -> None:
    async def test(world: World) -> None:
        await grant(world, "writer", RIGHTS)
        named = "example.com:pods:first"
        status, error = await world.ask("POST", BUNDLES, bundle(named, signer=NAME), who=JANE)
        assert (status, error["message"]) == (
            403,
            f'clustertrustbundles.certificates.k8s.io "{named}" is forbidden: '
            f'user not permitted to attest for signerName "{NAME}"',
        )
        assert (await world.ask("POST", BUNDLES, bundle("nobodys"), who=JANE))[0] == 201
        await grant(
            world, "attester", rule("attest", "signers", "certificates.k8s.io", resourceNames=["example.com/*"])
        )
        assert (await world.ask("POST", BUNDLES, bundle(named, signer=NAME), who=JANE))[0] == 201
        listed = await world.ask("GET", f"{BUNDLES}?fieldSelector=spec.signerName%3Dexample.com/pods", who=JANE)
        assert [item["metadata"]["name"] for item in listed[1]["items"]] == [named]

    in_world(test)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (bundle("a:b"), 'metadata.name: Invalid value: "a:b": ClusterTrustBundle without signer name'),
        (bundle("a", signer=NAME), "must be named with prefix example.com:pods:"),
        (bundle("a", ""), "at least one trust anchor must be provided"),
        (bundle("a", SIGNER.ca + SIGNER.ca), "duplicate trust anchor (indices [0 1])"),
        (bundle("a", SIGNER.ca.replace("CERTIFICATE", "PUBLIC KEY")), "entry 0 has bad block type: PUBLIC KEY"),
        (bundle("a", SIGNER.ca.replace("-----\n", "-----\nX: y\n\n", 1)), "entry 0 has PEM block headers"),
        (bundle("a", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "does not parse as X.509"),
        (bundle("a", "x" * (1 << 20) + SIGNER.ca), "Too long: may not be more than 1048576 bytes"),
        (bundle("x:y", signer="example.com"), "must be a fully qualified domain and path"),
    ],
)
def test_malformed_bundles_are_refused(body: Obj, cause: str) -> None:
    async def test(world: World) -> None:
        status, error = await world.ask("POST", BUNDLES, body)
        assert status == 422
        assert any(cause in each for each in causes(error)), causes(error)

    in_world(test)


def test_a_leaf_is_no_anchor_and_the_signer_of_a_bundle_stays() -> None:
    async def test(world: World) -> None:
        leaf = SIGNER.issue({"podName": "p", "stubPKCS10Request": keys.make("ED25519").request})["certificateChain"]
        error = (await world.ask("POST", BUNDLES, bundle("a", leaf)))[1]
        assert "entry 0 does not have the CA bit set" in causes(error)[0]
        made = (await world.ask("POST", BUNDLES, bundle("a", "a comment\n" + SIGNER.ca)))[1]
        changed = {**made, "spec": {**made["spec"], "signerName": NAME}}
        assert "field is immutable" in str((await world.ask("PUT", f"{BUNDLES}/a", changed))[1])

    in_world(test)


async def of_pod(world: World, key_type: str = "ED25519", **more: Any) -> Obj:
    """A pod on n1 that wants a certificate, and the request for it as its kubelet makes it."""
    source = {"podCertificate": {"signerName": NAME, "keyType": key_type, "keyPath": "key"}}
    volumes = [{"name": "v", "projected": {"sources": [source]}}]
    node = await world.client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    made = await world.client.create(pod("web", nodeName="n1", serviceAccountName="default", volumes=volumes))
    account = await world.client.get("ServiceAccount", "default", "default")
    spec = {
        "signerName": NAME,
        "podName": "web",
        "podUID": made["metadata"]["uid"],
        "serviceAccountName": "default",
        "serviceAccountUID": account["metadata"]["uid"],
        "nodeName": "n1",
        "nodeUID": node["metadata"]["uid"],
        "stubPKCS10Request": keys.make(key_type).request,
        **more,
    }
    return {"metadata": {"generateName": "req-"}, "spec": spec}


def test_a_kubelet_asks_for_its_own_pods_as_they_are() -> None:
    async def test(world: World) -> None:
        body = await of_pod(world)
        assert (await world.ask("POST", REQUESTS, body, who=OTHER_NODE))[0] == 403
        for field, wrong in (
            ("podUID", 'contains pod UID ("example.com/other") which differs from running pod'),
            ("nodeUID", 'names node UID "example.com/other", inconsistent with the running node'),
            ("serviceAccountUID", "which differs from the running service account"),
            ("serviceAccountName", 'contains serviceAccountName ("example.com/other") that differs from running pod'),
            ("nodeName", "which is not the requesting node"),
            ("signerName", "does not mount a podCertificate projected volume for signer"),
        ):
            other = {**body, "spec": {**body["spec"], field: "example.com/other"}}
            status, error = await world.ask("POST", REQUESTS, other, who=NODE)
            assert status == 403, field
            assert wrong in error["message"], error["message"]
        status, made = await world.ask("POST", REQUESTS, body, who=NODE)
        assert status == 201
        assert made["spec"]["maxExpirationSeconds"] == 86400
        name = made["metadata"]["name"]
        assert (await world.ask("GET", f"{REQUESTS}/{name}", who=NODE))[0] == 200
        assert (await world.ask("GET", f"{REQUESTS}/{name}", who=OTHER_NODE))[0] == 403
        assert (await world.ask("GET", REQUESTS, who=NODE))[0] == 403
        mine = f"{GROUP}/podcertificaterequests?fieldSelector=spec.nodeName%3Dn1"
        assert len((await world.ask("GET", mine, who=NODE))[1]["items"]) == 1
        assert (await world.ask("GET", mine, who=OTHER_NODE))[0] == 403

    in_world(test)


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"stubPKCS10Request": "AAAA"}, "must be a valid PKCS#10 CSR"),
        ({"maxExpirationSeconds": 60}, "must be in the range [3600, 7862400]"),
        ({"maxExpirationSeconds": 86401, "signerName": "kubernetes.io/x"}, "must be in the range [3600, 86400]"),
        ({"unverifiedUserAnnotations": {"bare": "x"}}, "must be a domain-prefixed key"),
        ({"podUID": ""}, 'spec.podUID: Invalid value: "": must not be empty'),
    ],
)
def test_malformed_requests_are_refused(more: Obj, cause: str) -> None:
    async def test(world: World) -> None:
        status, error = await world.ask("POST", REQUESTS, await of_pod(world, **more))
        assert status == 422
        assert any(cause in each for each in causes(error)), causes(error)

    in_world(test)


def odd_version(request: bytes) -> bytes:
    """A request of version 6, which there is none of."""
    return request.replace(b"\x02\x01\x00", b"\x02\x01\x05", 1)


def test_a_request_of_no_known_version_is_malformed_and_no_failure_of_the_server() -> None:
    async def test(world: World) -> None:
        body = await of_pod(world)
        der = odd_version(base64.b64decode(body["spec"]["stubPKCS10Request"]))
        asked = {**body["spec"], "stubPKCS10Request": base64.b64encode(der).decode()}
        status, error = await world.ask("POST", REQUESTS, {**body, "spec": asked})
        assert (status, "must be a valid PKCS#10 CSR" in causes(error)[0]) == (422, True)
        text = pem.written("CERTIFICATE REQUEST", der).encode()
        spec = {"request": base64.b64encode(text).decode(), "usages": ["client auth"]}
        for signer in (NAME, "kubernetes.io/kube-apiserver-client"):
            csr = {"metadata": {"name": "odd"}, "spec": {**spec, "signerName": signer}}
            assert (await world.ask("POST", f"{GROUP}/certificatesigningrequests", csr))[0] == 422

    in_world(test)


def test_a_request_proves_that_its_key_is_there() -> None:
    async def test(world: World) -> None:
        body = await of_pod(world, "ECDSAP256")
        stub = body["spec"]["stubPKCS10Request"]
        forged = stub[:-8] + ("AAAAAAA=" if not stub.endswith("AAAAAAA=") else "BBBBBBA=")
        error = (await world.ask("POST", REQUESTS, {**body, "spec": {**body["spec"], "stubPKCS10Request": forged}}))[1]
        assert "CSR" in str(error) or "proof-of-possession" in str(error)
        assert error["code"] == 422

    in_world(test)


def test_issuing_takes_the_right_to_sign_and_a_chain_that_fits() -> None:
    async def test(world: World) -> None:
        await grant(world, "writer", RIGHTS)
        made = (await world.ask("POST", REQUESTS, await of_pod(world), who=NODE))[1]
        target = f"{REQUESTS}/{made['metadata']['name']}/status"

        async def put(status: Obj, who: bytes = JANE) -> tuple[int, str]:
            code, answer = await world.ask("PUT", target, {**made, "status": status}, who=who)
            return code, answer.get("message", "")

        good = SIGNER.issue(made["spec"])
        assert (await put(good))[1].endswith(f'user not permitted to sign requests with signerName "{NAME}"')
        await grant(world, "signer", rule("sign", "signers", "certificates.k8s.io", resourceNames=[NAME]))
        other = keys.make("ED25519").request
        for wrong, why in (
            (SIGNER.issue({**made["spec"], "stubPKCS10Request": other}), "not issued to the requested public key"),
            ({**good, "certificateChain": ""}, "must contain at least one certificate"),
            ({**good, "beginRefreshAt": good["notBefore"]}, "must be at least 10 minutes after status.notBefore"),
            ({**good, "notAfter": good["beginRefreshAt"]}, "must be set to the NotAfter time"),
            (SIGNER.issue(made["spec"], hours=30), "must be <= spec.maxExpirationSeconds (86400)"),
            ({**good, "conditions": []}, "status is immutable unless transitioning"),
            ({**good, "conditions": [condition("Denied", time.time())]}, "non-condition status fields must be empty"),
            ({"conditions": [condition("Odd", time.time())]}, 'supported values: "Issued", "Denied", "Failed"'),
        ):
            code, message = await put(wrong)
            assert code == 422, why
            assert why in message, message
        assert await put(good) == (200, "")
        made["metadata"] = (await world.ask("GET", target))[1]["metadata"]
        denied = {"conditions": [condition("Denied", time.time())]}
        assert "immutable after PodCertificateRequest is issued" in (await put(denied))[1]
        changed = {**made, "spec": {**made["spec"], "podName": "other"}}
        assert (await world.ask("PUT", target.removesuffix("/status"), changed))[0] == 422

    in_world(test)
