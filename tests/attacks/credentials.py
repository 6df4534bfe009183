"""Attacks on credentials: tokens and certificates that are another's, forged, or older than what they stand for; and
what a node's certificate is good for.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson

from podo.authn.keys import TokenKeys
from tests.attacks.identities import REQUESTS, signing_request, token_of
from tests.attacks.table import BASE, JANE, MERGE, NODE, PODS, SECRET, SECRETS, Arena, attack
from tests.unit.admission.test_access import grant, rule
from tests.unit.apiserver.world import certificate, pod


async def unauthorized(arena: Arena, token: str) -> None:
    await arena.refused("GET", PODS, b"", 401, who=None, authorization=f"Bearer {token}")


def _part(data: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(data)).rstrip(b"=").decode()


@attack("a token for another's service account", "token leakage", "create on serviceaccounts and pods")
async def _(arena: Arena) -> None:
    await grant(arena.world, "reader", rule("get list create", "serviceaccounts pods"))
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    await arena.refused("POST", f"{BASE}/serviceaccounts/default/token", request)


@attack("a certificate for system:masters", "CertificateSubjectRestriction", "create on certificatesigningrequests")
async def _(arena: Arena) -> None:
    await grant(arena.world, "asker", rule("create", "certificatesigningrequests", "certificates.k8s.io"))
    says = "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"
    await arena.refused("POST", REQUESTS, signing_request("r", "system:masters"), says=says)


@attack(
    "approval of one's own certificate request", "CSR self-approval", "update on certificatesigningrequests/approval"
)
async def _(arena: Arena) -> None:
    group = "certificates.k8s.io"
    await grant(arena.world, "asker", rule("create get", "certificatesigningrequests", group))
    await grant(arena.world, "approver", rule("update patch", "certificatesigningrequests/approval", group))
    found = await arena.made(REQUESTS, signing_request("r"), who=JANE)
    found["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "x", "message": "x"}]}
    await arena.refused("PUT", f"{REQUESTS}/r/approval", found, says="not permitted to approve requests")


@attack("a certificate request in another's name", "CWE-290 spoofed identity", "create on certificatesigningrequests")
async def _(arena: Arena) -> None:
    await grant(arena.world, "asker", rule("create", "certificatesigningrequests", "certificates.k8s.io"))
    wanted = signing_request("r")
    wanted["spec"] |= {"username": "kubernetes-admin", "groups": ["system:masters"]}
    found = await arena.made(REQUESTS, wanted, who=JANE)
    assert found["spec"]["username"] == "jane" and "system:masters" not in found["spec"]["groups"]


@attack(
    "a token that outlives its pod or its account", "CWE-613 insufficient session expiration", "a token of the past"
)
async def _(arena: Arena) -> None:
    found = await arena.made(PODS, pod("p"))
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": found["metadata"]["uid"]}
    token = await token_of(arena, boundObjectRef=bound)
    assert (await arena.world.ask("GET", PODS, who=None, authorization=f"Bearer {token}"))[0] == 403, (
        "believed, no rights"
    )
    await arena.world.ask("DELETE", f"{PODS}/p")
    await unauthorized(arena, token)
    token = await token_of(arena)
    await arena.world.ask("DELETE", f"{BASE}/serviceaccounts/default")
    await unauthorized(arena, token)


@attack(
    "a token without a signature, changed, or signed by another key",
    "CWE-347 unverified signature (alg: none)",
    "another token",
)
async def _(arena: Arena) -> None:
    head, claims, signature = (await token_of(arena)).split(".")
    await unauthorized(arena, f"{_part({'alg': 'none'})}.{claims}.")
    said = orjson.loads(base64.urlsafe_b64decode(claims + "==="))
    said["sub"] = "system:serviceaccount:kube-system:admin"
    await unauthorized(arena, f"{head}.{_part(said)}.{signature}")
    await unauthorized(arena, TokenKeys().sign(said))
    await unauthorized(arena, f"{_part({'alg': 'HS256'})}.{claims}.{signature}")


@attack("a token Secret whose token is made up", "CWE-345 unverified origin", "create on secrets")
async def _(arena: Arena) -> None:
    annotations = {"kubernetes.io/service-account.name": "default"}
    metadata = {"name": "t", "annotations": annotations}
    made_up = TokenKeys().sign({"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:default:default"})
    data = {"token": base64.b64encode(made_up.encode()).decode()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
    await arena.made(SECRETS, {**secret, "type": "kubernetes.io/service-account-token"})
    await unauthorized(arena, made_up)


@attack("a node's identity without its name or its group", "node impersonation", "a signed client certificate")
async def _(arena: Arena) -> None:
    await arena.world.client.create(SECRET | {"metadata": {"name": "s", "namespace": "default"}})
    for who in (certificate("system:node:", "system:nodes"), certificate("n1", "system:nodes")):
        await arena.refused("GET", f"{SECRETS}/s", who=who)
    await arena.refused("GET", f"{SECRETS}/s", who=certificate("system:node:n1"))


@attack("Secrets that none of a node's pods uses", "Node authorizer", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await arena.world.client.create(SECRET | {"metadata": {"name": "s", "namespace": "default"}})
    await arena.refused("GET", f"{SECRETS}/s", who=NODE)
    await arena.refused("GET", SECRETS, who=NODE)


@attack("another Node written, or its own labels and taints", "NodeRestriction", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    for name in ("n1", "n2"):
        await arena.world.client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    label = {"metadata": {"labels": {"node-restriction.kubernetes.io/team": "a"}}}
    await arena.refused("PATCH", "/api/v1/nodes/n2", label, who=NODE, content_type=MERGE)
    await arena.refused("PATCH", "/api/v1/nodes/n1", label, who=NODE, content_type=MERGE)
    taints = {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}
    await arena.refused("PATCH", "/api/v1/nodes/n1", taints, who=NODE, content_type=MERGE)


@attack("pods made by a node, or those of other nodes ended", "NodeRestriction", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    await arena.refused("POST", PODS, pod("p"), who=NODE)
    await arena.made(PODS, pod("other", nodeName="n2"))
    await arena.refused("DELETE", f"{PODS}/other", who=NODE)


@attack("the token of a pod on another node", "token leakage, NodeRestriction", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    found = await arena.made(PODS, pod("other", nodeName="n2"))
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "other", "uid": found["metadata"]["uid"]}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"boundObjectRef": bound}}
    await arena.refused("POST", f"{BASE}/serviceaccounts/default/token", request, who=NODE)


@attack("a certificate of another node", "node impersonation by a CSR", "a kubelet's certificate")
async def _(arena: Arena) -> None:
    says = "can only create a node CSR with CN=system:node:n1"
    for signer in ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"):
        for name in ("system:node:n2", "system:node:", "kubernetes-admin", "n1"):
            wanted = signing_request("r", "system:nodes", common_name=name)
            wanted["spec"]["signerName"] = signer
            await arena.refused("POST", REQUESTS, wanted, who=NODE, says=says)
    own = signing_request("own", "system:nodes", common_name="system:node:n1")
    own["spec"]["signerName"] = "kubernetes.io/kube-apiserver-client-kubelet"
    await arena.made(REQUESTS, own, who=NODE)


@attack("a bootstrap token that is more than one", "privilege escalation by a bootstrap token", "create on secrets")
async def _(arena: Arena) -> None:
    await arena.world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})
    for number, groups in enumerate(("system:masters", "admins", "system:bootstrappers:,system:masters")):
        identity, secret = f"abcde{number}", "0123456789abcdef"
        data = {"token-id": identity, "token-secret": secret, "usage-bootstrap-authentication": "true"}
        made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"bootstrap-token-{identity}"}}
        extra = {"type": "bootstrap.kubernetes.io/token", "stringData": {**data, "auth-extra-groups": groups}}
        status, _ = await arena.world.ask("POST", "/api/v1/namespaces/kube-system/secrets", {**made, **extra})
        if status == 201:
            await unauthorized(arena, f"{identity}.{secret}")


@attack("a static token that nobody has asked for", "static credentials, CIS 1.2.2", "a token of the documentation")
async def _(arena: Arena) -> None:
    for token in ("admin", "31ada4fd-adec-460c-809a-9e56ceb75269", "token,admin,1"):
        await unauthorized(arena, token)
