"""Trust bundles and pod certificates at the API: who may attest, ask and sign, and what is refused as malformed."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateSigningRequestBuilder, DNSName, Name, RFC822Name

from podo.api.parts import pem
from podo.node.certificates import keys
from tests.unit.admission.test_access import JANE, grant, rule
from tests.unit.apiserver.judged import causes_of
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
        assert any(cause in each for each in causes_of(status, error)), causes_of(status, error)

    in_world(test)


def test_a_leaf_is_no_anchor_and_the_signer_of_a_bundle_stays() -> None:
    async def test(world: World) -> None:
        leaf = SIGNER.issue({"podName": "p", "stubPKCS10Request": keys.make("ED25519").request})["certificateChain"]
        status, error = await world.ask("POST", BUNDLES, bundle("a", leaf))
        assert "entry 0 does not have the CA bit set" in causes_of(status, error)[0]
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


def request_by(key: Any) -> str:
    made = CertificateSigningRequestBuilder().subject_name(Name([])).sign(key, SHA256())
    return base64.b64encode(made.public_bytes(Encoding.DER)).decode()


WEAK = request_by(rsa.generate_private_key(65537, 1024))
SHORT = request_by(ec.generate_private_key(ec.SECP224R1()))


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
        (
            {"unverifiedUserAnnotations": {"Bare": "x"}},
            'Invalid value: "bare": must be a domain-prefixed key (such as "',
        ),
        ({"unverifiedUserAnnotations": {"a.b/_": "x"}}, 'Invalid value: "a.b/_": name part must consist of'),
        ({"signerName": "a_b/x"}, 'Invalid value: "a_b": validating label "a_b": a lowercase RFC 1123 label must'),
        ({"signerName": "localhost/x"}, 'Invalid value: "localhost": should be a domain with at least two segments'),
        ({"signerName": "a.b/x..Y"}, 'Invalid value: "x..Y": validating label "": a lowercase RFC 1123 subdomain must'),
        ({"stubPKCS10Request": ""}, "spec.stubPKCS10Request: Required value"),
        ({"stubPKCS10Request": "AAAA" * 3414}, "spec.stubPKCS10Request: Too long: may not be more than 10240 bytes"),
        ({"stubPKCS10Request": WEAK}, "Invalid value: 1024-bit modulus: RSA keys must have modulus size 3072 or 4096"),
        (
            {"stubPKCS10Request": SHORT},
            "Invalid value: curve P-224: elliptic public keys must use curve P256, P384, or",
        ),
        ({"podUID": ""}, 'spec.podUID: Invalid value: "": must not be empty'),
    ],
)
def test_malformed_requests_are_refused(more: Obj, cause: str) -> None:
    async def test(world: World) -> None:
        status, error = await world.ask("POST", REQUESTS, await of_pod(world, **more))
        assert status == 422
        assert any(cause in each for each in causes_of(status, error)), causes_of(status, error)

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
        assert (status, "must be a valid PKCS#10 CSR" in causes_of(status, error)[0]) == (422, True)
        text = pem.written("CERTIFICATE REQUEST", der).encode()
        spec = {"request": base64.b64encode(text).decode(), "usages": ["client auth"]}
        for signer in (NAME, "kubernetes.io/kube-apiserver-client"):
            csr = {"metadata": {"name": "odd"}, "spec": {**spec, "signerName": signer}}
            assert (await world.ask("POST", f"{GROUP}/certificatesigningrequests", csr))[0] == 422

    in_world(test)


def test_a_request_proves_that_its_key_is_there() -> None:
    async def test(world: World) -> None:
        body = await of_pod(world)
        forged = bytearray(base64.b64decode(body["spec"]["stubPKCS10Request"]))
        forged[-1] ^= 1
        body["spec"]["stubPKCS10Request"] = base64.b64encode(forged).decode()
        found = causes_of(*await world.ask("POST", REQUESTS, body))
        assert found == ["spec.stubPKCS10Request: Invalid value: invalid signature"]

    in_world(test)


async def asked(world: World) -> Obj:
    """A request of a pod, and JANE may write its status and sign for its signer."""
    await grant(world, "writer", RIGHTS)
    await grant(world, "signer", rule("sign", "signers", "certificates.k8s.io", resourceNames=[NAME]))
    made: Obj = (await world.ask("POST", REQUESTS, await of_pod(world), who=NODE))[1]
    return made


async def put(world: World, request: Obj, status: Obj) -> list[str]:
    """The causes for which a status is refused."""
    target = f"{REQUESTS}/{request['metadata']['name']}/status"
    code, answer = await world.ask("PUT", target, {**request, "status": status}, who=JANE)
    return causes_of(code, answer)


def test_issuing_takes_the_right_to_sign() -> None:
    async def test(world: World) -> None:
        await grant(world, "writer", RIGHTS)
        made = (await world.ask("POST", REQUESTS, await of_pod(world), who=NODE))[1]
        refusal = f'spec.signerName: Forbidden: User "jane" is not permitted to "sign" for signer "{NAME}"'
        for status in (SIGNER.issue(made["spec"]), {"conditions": [condition("Denied", time.time())]}):
            assert await put(world, made, status) == [refusal]
        assert await put(world, made, {"conditions": [], "certificateChain": ""}) == []

    in_world(test)


C = "status.certificateChain: Invalid value: "
KEY, JUNK = pem.written("PRIVATE KEY", b"k"), pem.written("CERTIFICATE", b"junk")
NOT_ALL = "... issued certificate chain must consist entirely of CERTIFICATE PEM blocks"
OTHER = keys.make("ED25519")
Change = Callable[[Obj, Obj], Obj]
#: A status made of the spec and of a good one, and what is told of it; any value may stand for "...".
CHANGES: list[tuple[Change, list[str]]] = [
    (lambda spec, good: {**good, "certificateChain": ""}, [C + '"": issued certificate chain must contain at least']),
    (lambda spec, good: {**good, "certificateChain": KEY + good["certificateChain"]}, [C + NOT_ALL]),
    (lambda spec, good: {**good, "certificateChain": good["certificateChain"] + KEY}, [C + NOT_ALL]),
    (
        lambda spec, good: {**good, "certificateChain": JUNK + SIGNER.ca},
        [C + "... leaf certificate does not parse as valid X.509"],
    ),
    (
        lambda spec, good: {**good, "certificateChain": good["certificateChain"] + JUNK},
        [C + "... intermediate certificate does not parse as valid X.509"],
    ),
    (
        lambda spec, good: {**good, "certificateChain": "x" * 102401},
        ["status.certificateChain: Too long: may not be more than 102400 bytes"],
    ),
    (
        lambda spec, good: SIGNER.issue({**spec, "stubPKCS10Request": OTHER.request}),
        [C + "... leaf certificate was not issued to the requested public key"],
    ),
    (
        lambda spec, good: SIGNER.issue(
            spec, names=[DNSName("a..b"), DNSName(".a"), RFC822Name("a"), RFC822Name("a@b")]
        ),
        [
            C + "\"a..b\": leaf certificate's DNSName should not contain '..'",
            C + "\".a\": leaf certificate's DNSName should not start or end with '.'",
            C + '"a": leaf certificate should not contain invalid EmailAddress',
        ],
    ),
    (
        lambda spec, good: {"conditions": good["conditions"], "certificateChain": good["certificateChain"]},
        [
            "status.notBefore: Required value: must be present and consistent with the issued certificate",
            "status.notAfter: Required value: must be present and consistent with the issued certificate",
            "status.beginRefreshAt: Required value: must be present and in the range [notbefore+10min, notafter-10min]",
        ],
    ),
    (
        lambda spec, good: {**good, "notBefore": "2026-01-01T00:00:00Z"},
        ["status.notBefore: Invalid value: 2026-01-01 00:00:00 +0000 UTC: must be set to the NotBefore time encoded"],
    ),
    (
        lambda spec, good: {**good, "notAfter": "2026-01-01T00:00:00Z"},
        ["status.notAfter: Invalid value: 2026-01-01 00:00:00 +0000 UTC: must be set to the NotAfter time encoded"],
    ),
    (
        lambda spec, good: SIGNER.issue(spec, hours=0.5),
        [C + "30m0s: leaf certificate lifetime must be >= 1 hour"],
    ),
    (
        lambda spec, good: SIGNER.issue(spec, hours=30),
        [C + "30h0m0s: leaf certificate lifetime must be <= spec.maxExpirationSeconds (86400)"],
    ),
    (
        lambda spec, good: {**good, "beginRefreshAt": good["notBefore"]},
        ["status.beginRefreshAt: Invalid value: ... must be at least 10 minutes after status.notBefore"],
    ),
    (
        lambda spec, good: {**good, "beginRefreshAt": good["notAfter"]},
        ["status.beginRefreshAt: Invalid value: ... must be at least 10 minutes before status.notAfter"],
    ),
    (
        lambda spec, good: SIGNER.issue(spec, ago=301),
        ["status.notBefore: Invalid value: ... must be set to within 5 minutes of kube-apiserver's current time"],
    ),
    (
        lambda spec, good: {**good, "conditions": []},
        ["status: Invalid value: status is immutable unless transitioning to "],
    ),
    (
        lambda spec, good: {**good, "conditions": [condition("Denied", 0)]},
        ["status: Invalid value: non-condition status fields must be empty when denying or failing the "],
    ),
    (
        lambda spec, good: {"conditions": [condition("Odd", 0), condition("Failed", 0, reason="not so")]},
        [
            'status.conditions.[0].type: Unsupported value: "Odd": supported values: "Issued", "Denied", "Failed"',
            'status.conditions[1].reason: Invalid value: "not so": a condition reason must start with alphabetic',
        ],
    ),
    (
        lambda spec, good: {"conditions": [condition("Denied", 0), {"type": "Failed", "status": "False"}]},
        [
            'status.conditions.[1].type: Invalid value: "Failed": There may be at most one condition with type "Issued',
            'status.conditions.[1].status: Unsupported value: "False": supported values: "True"',
            "status.conditions[1].lastTransitionTime: Required value: must be set",
            "status.conditions[1].reason: Required value: must be set",
        ],
    ),
]


def test_what_is_issued_must_be_what_was_asked_for() -> None:
    async def test(world: World) -> None:
        made = await asked(world)
        good = SIGNER.issue(made["spec"])
        for change, wanted in CHANGES:
            found = await put(world, made, change(made["spec"], good))
            assert len(found) == len(wanted), found
            for cause, expected in zip(found, wanted, strict=True):
                begin, _, rest = expected.partition("...")
                assert cause.startswith(begin) and rest in cause, cause
        assert await put(world, made, good) == []

    in_world(test)


def test_what_is_decided_stays() -> None:
    async def test(world: World) -> None:
        made = await asked(world)
        assert await put(world, made, SIGNER.issue(made["spec"])) == []
        target = f"{REQUESTS}/{made['metadata']['name']}"
        stored = (await world.ask("GET", target))[1]
        denied = {"conditions": [condition("Denied", 0)]}
        why = "status: Invalid value: immutable after PodCertificateRequest is issued, denied, or failed"
        assert await put(world, stored, denied) == [why]
        changed = {**stored, "spec": {**stored["spec"], "podName": "other"}}
        (cause,) = causes_of(*await world.ask("PUT", target, changed))
        assert cause.startswith("spec: Invalid value: {") and cause.endswith("}: field is immutable")

    in_world(test)
