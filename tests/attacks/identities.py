"""Attacks on who somebody is: tokens, certificates, headers that name a user, requests for certificates."""

from __future__ import annotations

import base64
import datetime
import time
from typing import Any

from podo.http.message import Response
from tests.attacks.table import APPLY, BASE, JANE, MERGE, NODE, PODS, SECRET, SECRETS, Arena, Obj, attack
from tests.unit.admission.test_access import grant, rule
from tests.unit.apiserver.world import ADMIN, certificate, pod

TOKENS = f"{BASE}/serviceaccounts/default/token"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
AUTHENTICATION = "authentication.k8s.io"
CERTIFICATES = "certificates.k8s.io"
REQUESTS = f"/apis/{CERTIFICATES}/v1/certificatesigningrequests"


def signing_request(name: str, *groups: str, common_name: str = "eve") -> dict[str, Any]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder(x509.Name(names)).sign(key, SHA256())
    spec = {
        "request": base64.b64encode(request.public_bytes(Encoding.PEM)).decode(),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"],
    }
    kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


async def token_of(arena: Arena, **spec: Any) -> str:
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    return str((await arena.made(TOKENS, request))["status"]["token"])


@attack("headers of a front proxy", "CWE-290 spoofed identity", "nothing but the address")
async def _(arena: Arena) -> None:
    named = {"x_remote_user": "kubernetes-admin", "x_remote_group": "system:masters"}
    await arena.refused("GET", SECRETS, who=None, **named)
    await arena.refused("GET", SECRETS, who=JANE, **named)
    await arena.refused("GET", SECRETS, who=None, x_forwarded_user="kubernetes-admin", x_user="kubernetes-admin")


@attack("passwords and other schemes", "CWE-287 improper authentication", "guessed credentials")
async def _(arena: Arena) -> None:
    basic = base64.b64encode(b"kubernetes-admin:admin").decode()
    for credentials in (f"Basic {basic}", "Bearer", "Bearer ", "Negotiate x", "bearer " + "x" * 10_000, "Bearer a.b.c"):
        await arena.refused("GET", PODS, b"", 401, who=None, authorization=credentials)


@attack("a refused token that becomes anonymous", "CWE-636 failing open", "an expired or wrong token")
async def _(arena: Arena) -> None:
    for path in ("/version", "/healthz", PODS):
        await arena.refused("GET", path, b"", 401, who=None, authorization="Bearer wrong")


@attack(
    "a certificate past its time on a connection that stays", "CWE-613 insufficient session expiration", "a connection"
)
async def _(arena: Arena) -> None:
    end = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    for who in (certificate("kubernetes-admin", "system:masters", end=end), certificate("jane", end=end)):
        for path in (PODS, "/version"):
            await arena.refused("GET", path, b"", 401, who=who)


@attack("a token past its time", "CWE-613 insufficient session expiration", "a token of yesterday")
async def _(arena: Arena) -> None:
    keys = arena.world.server.backend.tokens.keys
    now = int(time.time())
    account = await arena.world.client.get("ServiceAccount", "default", "default")
    about = {"namespace": "default", "serviceaccount": {"name": "default", "uid": account["metadata"]["uid"]}}
    issuer = arena.world.server.backend.tokens.issuer
    claims = {"iss": issuer, "aud": [issuer], "sub": "system:serviceaccount:default:default", "kubernetes.io": about}
    live = keys.sign({**claims, "iat": now - 10, "nbf": now - 10, "exp": now + 600})
    await arena.refused("GET", PODS, who=None, authorization=f"Bearer {live}")  # believed: it has no rights
    for wrong in ({"exp": now - 1}, {"exp": "never"}, {}, {"exp": now + 600, "nbf": now + 300}):
        token = keys.sign({**claims, "iat": now - 900, "nbf": now - 900, **wrong})
        await arena.refused("GET", PODS, b"", 401, who=None, authorization=f"Bearer {token}")


@attack("a token without end", "CWE-613 insufficient session expiration", "create on serviceaccounts/token")
async def _(arena: Arena) -> None:
    await grant(arena.world, "t", rule("create", "serviceaccounts/token"))
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    for seconds in (1, 599, 1 << 33, -1):
        await arena.refused("POST", TOKENS, {**request, "spec": {"expirationSeconds": seconds}}, 400, 422)


@attack("a token of a deleted and remade account", "CWE-672 use after expiration", "the former account's token")
async def _(arena: Arena) -> None:
    token = await token_of(arena)
    await arena.world.client.delete("ServiceAccount", "default", "default")
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}}
    await arena.world.client.create(account)
    await arena.refused("GET", PODS, b"", 401, who=None, authorization=f"Bearer {token}")


@attack("a token bound to another's object", "CWE-639 authorization by a key of the user", "serviceaccounts/token")
async def _(arena: Arena) -> None:
    await grant(arena.world, "t", rule("create", "serviceaccounts/token"))
    other = await arena.made(PODS, pod("other"))
    for uid, kind in (("mine", "Pod"), (other["metadata"]["uid"], "Secret"), (other["metadata"]["uid"], "ConfigMap")):
        bound = {"apiVersion": "v1", "kind": kind, "name": "other", "uid": uid}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"boundObjectRef": bound}}
        await arena.refused("POST", TOKENS, request, 400, 404, 409, 422)


@attack("a token for one audience used at another", "token audience confusion", "a token of a third party's audience")
async def _(arena: Arena) -> None:
    token = await token_of(arena, audiences=["vault"])
    await arena.refused("GET", PODS, b"", 401, who=None, authorization=f"Bearer {token}")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    for audiences in ([], ["other"]):
        found = await arena.made(REVIEWS, {**review, "spec": {"token": token, "audiences": audiences}})
        assert not found["status"].get("authenticated"), audiences


@attack("asking whose a token is", "CWE-200 exposure of information", "an account without rights")
async def _(arena: Arena) -> None:
    token = await token_of(arena)
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    await arena.refused("POST", REVIEWS, review)
    access = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": "max"}}
    await arena.refused("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", access)


@attack("a token in an address", "CWE-598 secrets in a query", "a token that a log could keep")
async def _(arena: Arena) -> None:
    token = await token_of(arena)
    for query in (f"access_token={token}", f"token={token}"):
        answer = await arena.refused("GET", f"{PODS}?{query}", who=None)
        assert "system:anonymous" in answer["message"] and token not in str(answer)


@attack("a service account's name in a certificate", "service account name tricks", "a signed client certificate")
async def _(arena: Arena) -> None:
    await arena.world.client.create({**SECRET, "metadata": {"name": "s", "namespace": "default"}})
    names = ("system:serviceaccount:kube-system:", "system:serviceaccount", "system:serviceaccount:a:b:c")
    for name in names:
        await arena.refused("GET", SECRETS, who=certificate(name))
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    for name in ("a:b", "kube-system:admin", "../x", "A"):
        await arena.refused(
            "POST", accounts, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}, 422, who=ADMIN
        )


@attack("acting as a service account by the right to act as users", "impersonation", "impersonate users")
async def _(arena: Arena) -> None:
    await grant(arena.world, "actor", rule("impersonate", "users", resourceNames=["max"]))
    for name in ("system:serviceaccount:default:default", "system:node:n1", "system:kube-controller-manager", "Max"):
        await arena.refused("GET", SECRETS, impersonate_user=name)
    await arena.refused("GET", SECRETS, b"", 400, 403, impersonate_group="system:masters")
    await arena.refused("GET", SECRETS, impersonate_user="max", impersonate_extra_authentication_kubernetes_io_pod="x")


@attack(
    "acting as somebody twice", "impersonation, CWE-441 confused deputy", "a token of an account that may act as max"
)
async def _(arena: Arena) -> None:
    await grant(arena.world, "actor", rule("impersonate", "users", resourceNames=["max"]))
    await grant(arena.world, "boss", rule("impersonate", "users groups"), user="max")
    await arena.refused("GET", SECRETS, impersonate_user="kubernetes-admin")


@attack("making an object by the right to patch", "CWE-863 incorrect authorization", "patch on configmaps and secrets")
async def _(arena: Arena) -> None:
    await grant(arena.world, "patcher", rule("patch get", "secrets configmaps"))
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "new"}}
    target = f"{SECRETS}/new?fieldManager=m"
    await arena.refused("PATCH", target, body, content_type=APPLY)
    await arena.refused("PATCH", f"{SECRETS}/new", body, 404, content_type=MERGE)


@attack("making an object by the right to update", "CWE-863 incorrect authorization", "update on leases")
async def _(arena: Arena) -> None:
    await grant(arena.world, "updater", rule("update", "leases", "coordination.k8s.io"))
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {}}
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l"
    await arena.refused("PUT", path, lease, 403, 404)


@attack("deleting all by the right to delete one", "CWE-863 incorrect authorization", "delete on pods")
async def _(arena: Arena) -> None:
    await grant(arena.world, "deleter", rule("delete", "pods"))
    await arena.made(PODS, pod("p"))
    await arena.refused("DELETE", PODS)
    await arena.refused("DELETE", f"{PODS}/")
    assert await arena.world.client.get("Pod", "p", "default")


@attack("another method by a header or a parameter", "CWE-650 trusting HTTP methods", "get on pods")
async def _(arena: Arena) -> None:
    await grant(arena.world, "reader", rule("get list", "pods"))
    await arena.made(PODS, pod("p"))
    for header in ("x_http_method_override", "x_method_override", "x_http_method"):
        status, _ = await arena.world.ask("GET", f"{PODS}/p?_method=DELETE", who=JANE, **{header: "DELETE"})
        assert status == 200
    await arena.refused("POST", f"{PODS}/p?_method=GET", b"{}", 403, 405)
    assert "deletionTimestamp" not in (await arena.world.client.get("Pod", "p", "default"))["metadata"]


@attack("a certificate of a kubelet by a user", "node impersonation by a CSR", "create on certificatesigningrequests")
async def _(arena: Arena) -> None:
    await grant(arena.world, "asker", rule("create get", "certificatesigningrequests", CERTIFICATES))
    wanted = signing_request("r", "system:nodes")
    for signer in ("kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"):
        asked = {**wanted, "spec": {**wanted["spec"], "signerName": signer}}
        made = await arena.made(REQUESTS, {**asked, "metadata": {"name": signer.replace("/", "-")}}, who=JANE)
        assert not made.get("status", {}).get("certificate")
        made["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "x", "message": "x"}]}
        for part in ("approval", "status"):
            await arena.refused("PUT", f"{REQUESTS}/{made['metadata']['name']}/{part}", made)


@attack("a certificate put into a request by hand", "CSR self-approval", "update on certificatesigningrequests/status")
async def _(arena: Arena) -> None:
    group = rule(
        "create get update patch", "certificatesigningrequests certificatesigningrequests/status", CERTIFICATES
    )
    await grant(arena.world, "asker", group)
    made = await arena.made(REQUESTS, signing_request("r"), who=JANE)
    made["status"] = {"certificate": base64.b64encode(b"mine").decode()}
    await arena.refused("PUT", f"{REQUESTS}/r/status", made, says="not permitted to sign")
    made = await arena.made(REQUESTS, {**signing_request("q"), "status": made["status"]}, who=JANE)
    assert not made.get("status", {}).get("certificate")


@attack("a certificate approved for one signer, changed to another", "CSR tampering", "update on certificate requests")
async def _(arena: Arena) -> None:
    await grant(arena.world, "asker", rule("create get update patch", "certificatesigningrequests", CERTIFICATES))
    await arena.made(REQUESTS, signing_request("r"), who=JANE)
    for spec in (
        {"signerName": "kubernetes.io/kube-apiserver-client-kubelet"},
        {"username": "kubernetes-admin"},
        {"groups": ["system:masters"]},
        {"request": signing_request("x", "system:masters")["spec"]["request"]},
    ):
        await arena.world.ask("PATCH", f"{REQUESTS}/r", {"spec": spec}, who=JANE, content_type=MERGE)
        found = (await arena.world.client.get("CertificateSigningRequest", "r"))["spec"]
        assert found["username"] == "jane" and found["signerName"] == "kubernetes.io/kube-apiserver-client"
        assert "system:masters" not in found["groups"] and found["request"] != spec.get("request")


@attack("a page of another site that asks with the browser's identity", "CWE-352, CORS, DNS rebinding", "a web site")
async def _(arena: Arena) -> None:
    for method in ("GET", "OPTIONS"):
        asked = {"origin": "https://evil.example.com", "host": "evil.example.com"}
        answer = await arena.world.answer(method, PODS, who=JANE, **asked)
        assert isinstance(answer, Response) and answer.status in (403, 405)
        assert not any(name.lower().startswith("access-control-") for name, _ in answer.headers)


@attack("a node's certificate used for what nodes do not do", "node impersonation", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    for method, path in (
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/nodes"),
        ("POST", f"{PODS}/p/exec?command=id"),
        ("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
        ("GET", "/metrics"),
    ):
        await arena.refused(method, path, who=NODE)
    await arena.refused("GET", SECRETS, who=NODE, impersonate_user="kubernetes-admin")


def _anyone(name: str) -> Obj:
    return {"kind": "Group", "name": name, "apiGroup": "rbac.authorization.k8s.io"}


@attack("rights that everybody has by default", "anonymous access, CIS 5.1", "any authenticated or no identity")
async def _(arena: Arena) -> None:
    everybody = {"system:authenticated", "system:unauthenticated", "system:anonymous", "system:serviceaccounts"}
    page = await arena.world.client.list("ClusterRoleBinding")
    given = {
        item["roleRef"]["name"]
        for item in page.items
        for subject in item.get("subjects") or ()
        if subject["name"] in everybody
    }
    fine = {"system:basic-user", "system:discovery", "system:public-info-viewer"}
    assert given <= fine | {"system:service-account-issuer-discovery", "system:cluster-trust-bundle-discovery"}
