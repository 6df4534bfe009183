"""One row for each class of vulnerability that Kubernetes has had or invites: the attack is tried from outside, by a
client, and fails. What needs a node, containers or raw connections is shown beside their rooms' tests.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from podo.authn.keys import TokenKeys
from podo.http.message import Response
from tests.unit.admission.test_access import grant, rule
from tests.unit.apiserver.world import World, certificate, in_world, pod, service, text_of

BASE = "/api/v1/namespaces/default"
PODS, SECRETS, SERVICES = f"{BASE}/pods", f"{BASE}/secrets", f"{BASE}/services"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES = f"{RBAC}/namespaces/default/roles"
GROUP = "rbac.authorization.k8s.io"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
JANE = certificate("jane", "devs")
NODE = certificate("system:node:n1", "system:nodes")
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"key": "streng-geheim"}}

Attack = Callable[[World], Awaitable[None]]
ATTACKS: dict[str, Attack] = {}


def attack(what: str) -> Callable[[Attack], Attack]:
    """``what``: the class of vulnerability, with an example where there is a known one."""

    def noted(function: Attack) -> Attack:
        assert what not in ATTACKS
        ATTACKS[what] = function
        return function

    return noted


@dataclass(frozen=True)
class Refused:
    """The statuses with which an attack may fail, and what the answer says."""

    world: World

    async def __call__(
        self,
        method: str,
        target: str,
        body: Any = b"",
        *codes: int,
        who: bytes | None = JANE,
        says: str = "",
        **more: str,
    ) -> Any:
        status, answer = await self.world.ask(method, target, body, who=who, **more)
        assert status in (codes or (403,)), (status, answer)
        assert says in str(answer), answer
        return answer


async def made(world: World, target: str, obj: dict[str, Any], **options: Any) -> Any:
    status, answer = await world.ask("POST", target, obj, **options)
    assert status == 201, answer
    return answer


# Who nobody is


@attack("anonymous access to resources")
async def _(world: World) -> None:
    refused = Refused(world)
    for target in (PODS, SECRETS, "/api/v1/nodes", "/api/v1/namespaces", "/metrics", "/apis", "/openapi/v2"):
        await refused("GET", target, who=None)
    await refused("POST", PODS, pod("p"), who=None)


@attack("anonymous impersonation")
async def _(world: World) -> None:
    await Refused(world)("GET", SECRETS, who=None, impersonate_user="kubernetes-admin")
    await Refused(world)("GET", SECRETS, b"", 400, 403, who=None, impersonate_group="system:masters")


@attack("a new user has no rights")
async def _(world: World) -> None:
    for method, target in (("GET", SECRETS), ("GET", PODS), ("DELETE", "/api/v1/namespaces/default")):
        await Refused(world)(method, target)


# Impersonation and escalation


@attack("impersonation of system:masters through a group")
async def _(world: World) -> None:
    await grant(world, "actor", rule("impersonate", "users", resourceNames=["max"]))
    await Refused(world)("GET", SECRETS, impersonate_user="max", impersonate_group="system:masters")


@attack("impersonation of a uid or of extra fields")
async def _(world: World) -> None:
    await grant(world, "actor", rule("impersonate", "users"))
    await Refused(world)("GET", SECRETS, impersonate_user="max", impersonate_uid="1")
    await Refused(world)("GET", SECRETS, impersonate_user="max", impersonate_extra_scopes="all")


@attack("impersonation of a node or of a service account without that right")
async def _(world: World) -> None:
    await grant(world, "actor", rule("impersonate", "users", resourceNames=["max"]))
    await Refused(world)("GET", "/api/v1/nodes", impersonate_user="system:node:n1")
    await Refused(world)("GET", SECRETS, impersonate_user="system:serviceaccount:kube-system:default")


@attack("escalation by writing a Role")
async def _(world: World) -> None:
    await grant(world, "manager", rule("create update patch get", "roles", GROUP))
    everything = {"metadata": {"name": "all"}, "rules": [rule("*", "*")]}
    await Refused(world)("POST", ROLES, everything, says="attempting to grant RBAC permissions not currently held")
    await made(world, ROLES, {"metadata": {"name": "empty"}, "rules": []}, who=JANE)
    await Refused(world)("PATCH", f"{ROLES}/empty", {"rules": [rule("*", "*")]}, content_type=MERGE)


@attack("escalation by binding a role one does not hold")
async def _(world: World) -> None:
    await grant(world, "binder", rule("create", "rolebindings clusterrolebindings", GROUP))
    admin = {"kind": "ClusterRole", "name": "cluster-admin"}
    me = {"metadata": {"name": "me"}, "roleRef": admin, "subjects": [{"kind": "User", "name": "jane"}]}
    await Refused(world)("POST", f"{RBAC}/namespaces/default/rolebindings", me)
    await Refused(world)("POST", f"{RBAC}/clusterrolebindings", me)


@attack("escalation by aggregation (CVE-2019-11247's neighbours)")
async def _(world: World) -> None:
    await grant(world, "manager", rule("create patch get", "clusterroles", GROUP))
    rules = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}
    await Refused(world)("POST", f"{RBAC}/clusterroles", {"metadata": {"name": "sum"}, **rules})
    labels = {f"{GROUP}/aggregate-to-view": "true"}
    more = {"metadata": {"name": "into-view", "labels": labels}, "rules": [rule("get", "secrets")]}
    await Refused(world)("POST", f"{RBAC}/clusterroles", more)


@attack("escalation by changing a binding's role in place")
async def _(world: World) -> None:
    await grant(world, "manager", rule("patch update get", "clusterrolebindings", GROUP))
    patch = {"roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "cluster-admin"}}
    await Refused(world)("PATCH", f"{RBAC}/clusterrolebindings/manager", patch, 403, 422, content_type=MERGE)


@attack("cluster-scoped objects through a namespace's path (CVE-2019-11247)")
async def _(world: World) -> None:
    await grant(world, "all", rule("*", "*", GROUP))
    await Refused(world)("GET", f"{RBAC}/namespaces/default/clusterroles", b"", 403, 404)
    await Refused(world)("GET", "/api/v1/namespaces/default/nodes", b"", 403, 404)


@attack("a token for another's service account")
async def _(world: World) -> None:
    await grant(world, "reader", rule("get list create", "serviceaccounts pods"))
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    await Refused(world)("POST", f"{BASE}/serviceaccounts/default/token", request)


# Streams and subresources


@attack("exec, attach and port-forward with the right to read pods")
async def _(world: World) -> None:
    await grant(world, "reader", rule("get list watch create update", "pods pods/log"))
    await made(world, PODS, pod("p"), who=JANE)
    for subresource in ("exec?command=sh", "attach", "portforward"):
        for method in ("GET", "POST"):
            await Refused(world)(method, f"{PODS}/p/{subresource}")


@attack("exec by a WebSocket's GET with the right to read everything")
async def _(world: World) -> None:
    await grant(world, "reader", rule("get list watch", "*"))
    await made(world, PODS, pod("p"))
    for subresource in ("exec", "attach", "portforward"):
        says = f'cannot create resource "pods/{subresource}"'
        await Refused(world)("GET", f"{PODS}/p/{subresource}?command=sh", says=says)


@attack("a node's kubelet through nodes/proxy")
async def _(world: World) -> None:
    await grant(world, "reader", rule("get list", "nodes pods services"))
    await world.client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    await Refused(world)("GET", "/api/v1/nodes/n1/proxy/pods")
    await Refused(world)("GET", f"{SERVICES}/s/proxy/")
    await Refused(world)("GET", f"{PODS}/p/proxy/")


@attack("a pod bound to a node of one's choice")
async def _(world: World) -> None:
    await grant(world, "maker", rule("create get update patch", "pods"))
    await made(world, PODS, pod("p"), who=JANE)
    target = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
    await Refused(world)("POST", f"{PODS}/p/binding", {"apiVersion": "v1", "kind": "Binding", **target})
    await Refused(world)("PATCH", f"{PODS}/p", {"spec": {"nodeName": "n1"}}, 422, content_type=MERGE)


@attack("a running pod given another service account or more rights")
async def _(world: World) -> None:
    await grant(world, "maker", rule("create get update patch", "pods"))
    await made(world, PODS, pod("p"), who=JANE)
    for spec in ({"serviceAccountName": "admin"}, {"hostNetwork": True}, {"volumes": []}):
        await Refused(world)("PATCH", f"{PODS}/p", {"spec": spec}, 422, content_type=MERGE)


@attack("a status written with the right to write the object")
async def _(world: World) -> None:
    await grant(world, "maker", rule("create get update patch", "pods"))
    await made(world, PODS, pod("p"), who=JANE)
    await Refused(world)("PATCH", f"{PODS}/p/status", {"status": {"phase": "Failed"}}, content_type=MERGE)
    status, answer = await world.ask(
        "PATCH", f"{PODS}/p", {"status": {"phase": "Failed"}}, who=JANE, content_type=MERGE
    )
    assert status == 200 and answer["status"]["phase"] == "Pending"


@attack("an ephemeral container past Pod Security (CVE-2023-2727's kind)")
async def _(world: World) -> None:
    await restrict(world, "baseline")
    await made(world, PODS, pod("p"))
    container = {"name": "d", "image": "i", "securityContext": {"privileged": True}}
    body = {"spec": {"ephemeralContainers": [container]}}
    says = "must not set securityContext.privileged=true"
    await Refused(world)("PATCH", f"{PODS}/p/ephemeralcontainers", body, who=admin(), says=says, content_type=STRATEGIC)


# Pods that want the node


def admin() -> bytes:
    from tests.unit.apiserver.world import ADMIN

    return ADMIN


async def restrict(world: World, level: str) -> None:
    body = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}}
    status, answer = await world.ask("PATCH", "/api/v1/namespaces/default", body, content_type=MERGE)
    assert status == 200, answer


ESCAPES: dict[str, dict[str, Any]] = {
    "a privileged container": {"containers": [{"name": "a", "image": "i", "securityContext": {"privileged": True}}]},
    "the host's namespaces": {"hostPID": True, "hostNetwork": True, "hostIPC": True},
    "a hostPath volume": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
    "capabilities": {
        "containers": [{"name": "a", "image": "i", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]
    },
    "an unmasked /proc": {"containers": [{"name": "a", "image": "i", "securityContext": {"procMount": "Unmasked"}}]},
    "an init container": {"initContainers": [{"name": "a", "image": "i", "securityContext": {"privileged": True}}]},
    "unsafe sysctls": {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
    "a host port": {"containers": [{"name": "a", "image": "i", "ports": [{"containerPort": 1, "hostPort": 22}]}]},
    "probes of the host": {
        "containers": [{"name": "a", "image": "i", "livenessProbe": {"tcpSocket": {"port": 22, "host": "127.0.0.1"}}}]
    },
}


def _escape(what: str, spec: dict[str, Any]) -> None:
    @attack(f"out of a pod by {what}")
    async def _(world: World) -> None:
        await restrict(world, "baseline")
        await Refused(world)("POST", PODS, pod("p", **spec), who=admin(), says='violates PodSecurity "baseline:latest"')


for _what, _spec in ESCAPES.items():
    _escape(_what, _spec)


@attack("a volume's subPath or a mount that climbs out (CVE-2017-1002101, CVE-2021-25741)")
async def _(world: World) -> None:
    for mount in ({"subPath": "../../etc"}, {"subPath": "/etc"}, {"subPathExpr": "a/../../b"}):
        container = {"name": "a", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v", **mount}]}
        spec = {"containers": [container], "volumes": [{"name": "v", "emptyDir": {}}]}
        await Refused(world)("POST", PODS, pod("p", **spec), 422, who=admin())


@attack("a key or path of a volume that climbs out")
async def _(world: World) -> None:
    for path in ("../x", "/x", "a/../../x"):
        volume = {"name": "v", "configMap": {"name": "c", "items": [{"key": "k", "path": path}]}}
        await Refused(world)("POST", PODS, pod("p", volumes=[volume]), 422, who=admin())
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"../x": "a"}}
    await Refused(world)("POST", f"{BASE}/configmaps", settings, 422, who=admin())


# Nodes


@attack("node identity without its name or its group")
async def _(world: World) -> None:
    await world.client.create(SECRET | {"metadata": {"name": "s", "namespace": "default"}})
    for who in (certificate("system:node:", "system:nodes"), certificate("n1", "system:nodes")):
        await Refused(world)("GET", f"{SECRETS}/s", who=who)
    await Refused(world)("GET", f"{SECRETS}/s", who=certificate("system:node:n1"))


@attack("a kubelet reads Secrets that none of its pods uses")
async def _(world: World) -> None:
    await world.client.create(SECRET | {"metadata": {"name": "s", "namespace": "default"}})
    await Refused(world)("GET", f"{SECRETS}/s", who=NODE)
    await Refused(world)("GET", SECRETS, who=NODE)


@attack("a kubelet writes another node, its own labels or taints (CVE-2018-1002105's aftermath, NodeRestriction)")
async def _(world: World) -> None:
    for name in ("n1", "n2"):
        await world.client.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    label = {"metadata": {"labels": {"node-restriction.kubernetes.io/team": "a"}}}
    await Refused(world)("PATCH", "/api/v1/nodes/n2", label, who=NODE, content_type=MERGE)
    await Refused(world)("PATCH", "/api/v1/nodes/n1", label, who=NODE, content_type=MERGE)
    taints = {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}
    await Refused(world)("PATCH", "/api/v1/nodes/n1", taints, who=NODE, content_type=MERGE)


@attack("a kubelet makes pods, or ends those of other nodes")
async def _(world: World) -> None:
    await Refused(world)("POST", PODS, pod("p"), who=NODE)
    await made(world, PODS, pod("other", nodeName="n2"))
    await Refused(world)("DELETE", f"{PODS}/other", who=NODE)


@attack("a kubelet asks for the token of a pod on another node")
async def _(world: World) -> None:
    found = await made(world, PODS, pod("other", nodeName="n2"))
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "other", "uid": found["metadata"]["uid"]}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"boundObjectRef": bound}}
    await Refused(world)("POST", f"{BASE}/serviceaccounts/default/token", request, who=NODE)


# Certificates


def signing_request(name: str, *groups: str) -> dict[str, Any]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    names = [x509.NameAttribute(NameOID.COMMON_NAME, "eve")]
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


@attack("a certificate for system:masters")
async def _(world: World) -> None:
    await grant(world, "asker", rule("create", "certificatesigningrequests", "certificates.k8s.io"))
    says = "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"
    await Refused(world)("POST", REQUESTS, signing_request("r", "system:masters"), says=says)


@attack("approval of one's own certificate request")
async def _(world: World) -> None:
    group = "certificates.k8s.io"
    await grant(world, "asker", rule("create get", "certificatesigningrequests", group))
    await grant(world, "approver", rule("update patch", "certificatesigningrequests/approval", group))
    found = await made(world, REQUESTS, signing_request("r"), who=JANE)
    found["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "x", "message": "x"}]}
    await Refused(world)("PUT", f"{REQUESTS}/r/approval", found, says="not permitted to approve requests")


@attack("a certificate request in another's name")
async def _(world: World) -> None:
    await grant(world, "asker", rule("create", "certificatesigningrequests", "certificates.k8s.io"))
    wanted = signing_request("r")
    wanted["spec"] |= {"username": "kubernetes-admin", "groups": ["system:masters"]}
    found = await made(world, REQUESTS, wanted, who=JANE)
    assert found["spec"]["username"] == "jane" and "system:masters" not in found["spec"]["groups"]


# Tokens


async def token_of(world: World, **spec: Any) -> str:
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    found = await made(world, f"{BASE}/serviceaccounts/default/token", request)
    return str(found["status"]["token"])


async def unauthorized(world: World, token: str) -> None:
    status, _ = await world.ask("GET", PODS, who=None, authorization=f"Bearer {token}")
    assert status == 401


@attack("a token for another audience")
async def _(world: World) -> None:
    await unauthorized(world, await token_of(world, audiences=["https://elsewhere.example.com"]))


@attack("a token that outlives its pod or its account")
async def _(world: World) -> None:
    found = await made(world, PODS, pod("p"))
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": found["metadata"]["uid"]}
    token = await token_of(world, boundObjectRef=bound)
    assert (await world.ask("GET", PODS, who=None, authorization=f"Bearer {token}"))[0] == 403, "believed, no rights"
    await world.ask("DELETE", f"{PODS}/p")
    await unauthorized(world, token)
    token = await token_of(world)
    await world.ask("DELETE", f"{BASE}/serviceaccounts/default")
    await unauthorized(world, token)


def _part(data: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(data)).rstrip(b"=").decode()


@attack("a token without a signature, changed, or signed by another key (alg: none)")
async def _(world: World) -> None:
    head, claims, signature = (await token_of(world)).split(".")
    await unauthorized(world, f"{_part({'alg': 'none'})}.{claims}.")
    said = orjson.loads(base64.urlsafe_b64decode(claims + "==="))
    said["sub"] = "system:serviceaccount:kube-system:admin"
    await unauthorized(world, f"{head}.{_part(said)}.{signature}")
    await unauthorized(world, TokenKeys().sign(said))
    await unauthorized(world, f"{_part({'alg': 'HS256'})}.{claims}.{signature}")


@attack("a token Secret whose token is made up")
async def _(world: World) -> None:
    annotations = {"kubernetes.io/service-account.name": "default"}
    metadata = {"name": "t", "annotations": annotations}
    made_up = TokenKeys().sign({"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:default:default"})
    data = {"token": base64.b64encode(made_up.encode()).decode()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
    await made(world, SECRETS, {**secret, "type": "kubernetes.io/service-account-token"})
    await unauthorized(world, made_up)


# Secrets


@attack("a Secret's value in an error")
async def _(world: World) -> None:
    wrong = {**SECRET, "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "streng-geheim"}}
    status, answer = await world.ask("POST", SECRETS, wrong)
    assert status == 422 and "geheim" not in str(answer) and "c3RyZW5n" not in str(answer)


@attack("a Secret read through a list or a watch with the right to get one")
async def _(world: World) -> None:
    await made(world, SECRETS, SECRET)
    await grant(world, "one", rule("get", "secrets", resourceNames=["other"]))
    await Refused(world)("GET", f"{SECRETS}/s")
    await Refused(world)("GET", SECRETS)
    await Refused(world)("GET", f"{SECRETS}?watch=true&fieldSelector=metadata.name%3Ds")


@attack("a changed immutable Secret")
async def _(world: World) -> None:
    await made(world, SECRETS, {**SECRET, "immutable": True})
    for patch in ({"stringData": {"key": "x"}}, {"immutable": False}):
        await Refused(world)("PATCH", f"{SECRETS}/s", patch, 422, who=admin(), content_type=MERGE)


# Services


@attack("another's traffic by externalIPs (CVE-2020-8554)")
async def _(world: World) -> None:
    await grant(world, "maker", rule("create patch", "services"))
    says = "Use of external IPs is denied by admission control"
    await Refused(world)("POST", SERVICES, service("s", externalIPs=["8.8.8.8"]), says=says)


@attack("another namespace's backends through Endpoints (CVE-2021-25740)")
async def _(world: World) -> None:
    binding = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "jane", "namespace": "default"},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": GROUP}],
    }
    await world.client.create(binding)
    subsets = [{"addresses": [{"ip": "10.0.0.9"}], "ports": [{"port": 80}]}]
    metadata = {"metadata": {"name": "e"}}
    await Refused(world)(
        "POST", f"{BASE}/endpoints", {"apiVersion": "v1", "kind": "Endpoints", **metadata, "subsets": subsets}
    )
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    found = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", **metadata, "addressType": "IPv4"}
    await Refused(world)("POST", slices, {**found, "endpoints": [{"addresses": ["10.0.0.9"]}]})


@attack("endpoints on the machine itself or its metadata service")
async def _(world: World) -> None:
    for ip in ("127.0.0.1", "169.254.169.254", "::1"):
        subsets = [{"addresses": [{"ip": ip}], "ports": [{"port": 80}]}]
        body = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "e"}, "subsets": subsets}
        await Refused(world)("POST", f"{BASE}/endpoints", body, 422, who=admin())


# Quotas


@attack("a quota overrun by many at once")
async def _(world: World) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "5"}}}
    await made(world, f"{BASE}/resourcequotas", quota)
    answers = await asyncio.gather(*(world.ask("POST", PODS, pod(f"p{number}")) for number in range(40)))
    assert [status for status, _ in answers].count(201) == 5


@attack("a quota avoided by a status in the body")
async def _(world: World) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    await made(world, f"{BASE}/resourcequotas", quota)
    body = {**pod("p"), "status": {"phase": "Succeeded"}}
    await Refused(world)("POST", PODS, body, who=admin(), says="exceeded quota")


@attack("a quota avoided by negative amounts")
async def _(world: World) -> None:
    resources = {"requests": {"cpu": "-1"}, "limits": {"cpu": "1"}}
    container = {"name": "a", "image": "i", "resources": resources}
    await Refused(world)("POST", PODS, pod("p", containers=[container]), 403, 422, who=admin())


@attack("a priority of the system")
async def _(world: World) -> None:
    for value, name in ((1, "system-mine"), (2_000_000_001, "mine")):
        kind = {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
        }
        await Refused(world)("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", kind, 403, 422, who=admin())
    await Refused(world)("POST", PODS, pod("p", priority=2_000_000_000), who=admin())


# Namespaces and metadata


@attack("the end of a namespace that the cluster needs")
async def _(world: World) -> None:
    await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})
    for name in ("kube-system", "default"):
        await Refused(world)("DELETE", f"/api/v1/namespaces/{name}", who=admin())


@attack("a weaker Pod Security by a namespace's own administrator")
async def _(world: World) -> None:
    await restrict(world, "restricted")
    await grant(world, "editor", rule("*", "pods configmaps services deployments"))
    label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    await Refused(world)("PATCH", "/api/v1/namespaces/default", label, content_type=MERGE)


@attack("server-owned metadata in a body")
async def _(world: World) -> None:
    lie = {"name": "p", "uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 9}
    body = pod("p")
    body["metadata"] |= lie | {"deletionTimestamp": "2001-01-01T00:00:00Z", "selfLink": "/x"}
    found = (await made(world, PODS, body))["metadata"]
    assert found["uid"] != "mine" and not found["creationTimestamp"].startswith("2001")
    assert "deletionTimestamp" not in found and "selfLink" not in found


@attack("an object of another namespace through the body")
async def _(world: World) -> None:
    body = pod("p")
    body["metadata"]["namespace"] = "kube-system"
    await Refused(world)("POST", PODS, body, 400, who=admin(), says="does not match the namespace sent on the request")


# Paths, bodies and parameters


@attack("path traversal in names and paths")
async def _(world: World) -> None:
    await grant(world, "reader", rule("get", "pods"))
    for path in ("..%2f..%2fsecrets", "%2e%2e%2fsecrets", "..", "../secrets/s", "x%00", "a%2fb"):
        await Refused(world)("GET", f"{PODS}/{path}", b"", 400, 403, 404)
    for name in ("../x", "a/b", "..", "A_B", "x" * 300):
        await Refused(world)("POST", PODS, pod(name), 422, who=admin())


@attack("a directory listing or a file of the server")
async def _(world: World) -> None:
    for path in ("/logs/", "/static/", "/etc/passwd", "/..%2f..%2fetc/passwd", "/debug/pprof/"):
        status, answer = await world.ask("GET", path)
        assert status in (403, 404) and b"root:" not in (answer if isinstance(answer, bytes) else b"")


@attack("YAML that grows (CVE-2019-11253)")
async def _(world: World) -> None:
    lines = ['a0: &a0 ["x","x","x","x","x","x","x","x","x"]']
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    body = "\n".join(["apiVersion: v1", "kind: ConfigMap", "metadata: {name: bomb}", *lines]).encode()
    await Refused(world)(
        "POST", f"{BASE}/configmaps", body, 400, 413, 422, who=admin(), content_type="application/yaml"
    )


@attack("JSON that is nested too deeply")
async def _(world: World) -> None:
    body = (
        b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":'
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}"
    )
    await Refused(world)("POST", f"{BASE}/configmaps", body, 400, 413, 422, who=admin())


@attack("a body without end")
async def _(world: World) -> None:
    await Refused(world)("POST", f"{BASE}/configmaps", b" " * (4 << 20), 413, who=admin())


@attack("a patch that multiplies (CVE-2019-1002100)")
async def _(world: World) -> None:
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "x" * 1000}}
    await made(world, f"{BASE}/configmaps", settings)
    grow = [{"op": "copy", "from": "/data", "path": f"/data/{number}"} for number in range(60)]
    await Refused(world)("PATCH", f"{BASE}/configmaps/c", grow, 400, 413, 422, who=admin(), content_type=JSON_PATCH)
    many = [{"op": "add", "path": "/data/b", "value": "y"}] * 20_000
    await Refused(world)("PATCH", f"{BASE}/configmaps/c", many, 400, 413, 422, who=admin(), content_type=JSON_PATCH)


@attack("parameters that are no numbers, no versions or no tokens")
async def _(world: World) -> None:
    for query in (
        *("resourceVersion=x", "resourceVersion=99999999999999999999999", "limit=-1", "limit=x", "continue=%00%ff"),
        *("labelSelector=%28", "fieldSelector=x%3D", "timeoutSeconds=x&watch=true", "resourceVersionMatch=x"),
    ):
        status, answer = await world.ask("GET", f"{PODS}?{query}")
        assert status < 500 and status != 201, (query, answer)


@attack("headers that split the answer")
async def _(world: World) -> None:
    body = {**pod("p"), "unknown\r\nSet-Cookie": "x"}
    answer = await world.answer("POST", PODS, orjson.dumps(body))
    assert isinstance(answer, Response)
    assert all("\r" not in value and "\n" not in value for _, value in answer.headers)


@attack("a refusal that tells what exists")
async def _(world: World) -> None:
    await made(world, SECRETS, SECRET)
    there = await world.answer("GET", f"{SECRETS}/s", who=JANE)
    absent = await world.answer("GET", f"{SECRETS}/t", who=JANE)
    assert isinstance(there, Response) and isinstance(absent, Response)
    assert text_of(there).replace(b'"s"', b"").replace(b'\\"s\\"', b"") == text_of(absent).replace(b'"t"', b"").replace(
        b'\\"t\\"', b""
    )


@pytest.mark.parametrize("what", ATTACKS)
def test_the_attack_fails(what: str) -> None:
    in_world(ATTACKS[what])


def test_there_are_enough_of_them() -> None:
    assert len(ATTACKS) >= 40
