"""Controls of the API server: sections 1.2, 1.3, 1.4 and 3. Who is let in, who may what, what is recorded and how
Secrets lie on the disk: tried from outside."""

from __future__ import annotations

import base64
import json
import mmap
import ssl
from pathlib import Path
from typing import Any

from podo.cluster import encryption
from podo.cluster.access import token_file_path
from podo.cluster.benchmark.control import Control, Finding, failed, judged, passed, skipped
from podo.cluster.benchmark.ground import Ground, Port
from podo.runtime.tasks import sleep

WEAK = "NULL:aNULL:eNULL:EXP:LOW:RC4:3DES:MD5:ADH:AECDH:CAMELLIA:SEED:IDEA:ARIA:PSK"
NO_FORWARD_SECRECY = "kRSA"
SECRETS = "/api/v1/secrets"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
PODS = "/api/v1/namespaces/default/pods"
NODES = "system:nodes"
#: A value shorter than this could be in the store by chance; and how many are looked for.
LONG_ENOUGH, VALUES = 12, 50
#: How often the audit log is looked at for a first event, and the seconds between two looks.
LOOKS, BETWEEN_LOOKS = 20, 0.1


async def _anonymous(ground: Ground) -> Finding:
    paths = ("/api/v1/nodes", SECRETS, "/metrics", "/apis", "/openapi/v2", "/logs/", "/debug/pprof/")
    answers = {path: (await ground.ask(path, who=""))[0] for path in paths}
    open_ones = [path for path, status in answers.items() if status not in (401, 403)]
    health = (await ground.ask("/livez", who=""))[0]
    wrong = f"without credentials {', '.join(open_ones)} can be read" if open_ones else ""
    return judged(wrong, f"all but health (/livez: {health}) and version is refused", "look at bindings of anonymous")


async def _made_up_tokens(ground: Ground) -> Finding:
    part = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    accepted = [
        credentials
        for credentials in ("Bearer made-up", f"Bearer {part}.{part}.", "Basic YWRtaW46YWRtaW4=")
        if (await ground.ask("/api", who="", Authorization=credentials))[0] != 401
    ]
    if (file := token_file_path(ground.config)).exists():
        return failed(f"static tokens, which never expire, are in use: {file}", f"remove {file} and restart")
    return judged(", ".join(accepted), "made-up tokens and passwords are 401", "remove static tokens and passwords")


async def _authorization(ground: Ground) -> Finding:
    anybody = {"user": "nobody-in-particular", "groups": ["system:authenticated"]}
    spec = {**anybody, "resourceAttributes": {"verb": "get", "resource": "secrets"}}
    allowed = await _allowed(ground, spec)
    wrong = "a user without any role may read Secrets" if allowed else ""
    return judged(wrong, "a user without any role may nothing", "remove bindings of system:authenticated")


async def _allowed(ground: Ground, spec: dict[str, Any]) -> bool:
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    status, review = await ground.ask(REVIEWS, "POST", body)
    if status != 201:
        raise OSError(f"SubjectAccessReview: {status}")
    return bool(review["status"].get("allowed"))


async def _node_authorizer(ground: Ground) -> Finding:
    node = {"user": "system:node:no-such-node", "groups": [NODES]}
    secret = {"verb": "get", "resource": "secrets", "namespace": "default", "name": "no-such-secret"}
    wide = [
        f"{verb} {resource}"
        for verb, resource in (("list", "secrets"), ("list", "nodes"), ("list", "configmaps"))
        if await _allowed(ground, {**node, "resourceAttributes": {"verb": verb, "resource": resource}})
    ]
    if await _allowed(ground, {**node, "resourceAttributes": secret}):
        wide.append("get a Secret that none of its pods uses")
    return judged(
        f"a node may {', '.join(wide)}" if wide else "", "a node reads what its pods use", "look at system:node"
    )


async def _node_restriction(ground: Ground) -> Finding:
    """As a node that is not there; a dry run."""
    as_node = {"Impersonate-User": "system:node:no-such-node", "Impersonate-Group": NODES}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "another-node"}}
    status, answer = await ground.ask("/api/v1/nodes?dryRun=All", "POST", node, **as_node)
    wrong = "" if status == 403 else f"a node could register another: {status} {_message(answer)}"
    return judged(wrong, "a node may not register another", "NodeRestriction belongs to podo's chain: report this")


def _message(answer: Any) -> str:
    return str(answer.get("message", "") if isinstance(answer, dict) else answer)[:200]


async def _service_account(ground: Ground) -> Finding:
    status, made = await ground.ask(f"{PODS}?dryRun=All", "POST", _pod())
    if status != 201:
        return skipped(f"a pod in namespace default is refused by something else: {_message(made)}")
    name = made["spec"].get("serviceAccountName")
    return judged("" if name else "a pod has no account", f"a pod runs as {name}", "ServiceAccount is missing")


def _pod(**spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "example.com/none"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "audit"},
        "spec": {"containers": containers, **spec},
    }


async def _namespace_lifecycle(ground: Ground) -> Finding:
    status, _ = await ground.ask("/api/v1/namespaces/kube-system?dryRun=All", "DELETE")
    absent, _ = await ground.ask("/api/v1/namespaces/no-such-namespace/pods?dryRun=All", "POST", _pod())
    wrong = "" if (status, absent) == (403, 404) else f"kube-system: {status}, an absent namespace: {absent}"
    return judged(wrong, "kube-system stays, absent namespaces take nothing", "NamespaceLifecycle is missing")


async def _external_ips(ground: Ground) -> Finding:
    spec = {"ports": [{"port": 80}], "externalIPs": ["192.0.2.1"]}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "audit"}, "spec": spec}
    who = {"Impersonate-User": "system:serviceaccount:kube-system:replicaset-controller"}
    status, _ = await ground.ask("/api/v1/namespaces/default/services?dryRun=All", "POST", body, **who)
    return judged("" if status == 403 else f"status {status}", "are not for everybody", "see CVE-2020-8554")


async def _profiling(ground: Ground) -> Finding:
    found = [path for path in ("/debug/pprof/", "/logs/", "/debug/flags/v") if (await ground.ask(path))[0] == 200]
    return judged(f"{', '.join(found)} can be read" if found else "", "there is none", "turn it off")


async def _audit_log(ground: Ground) -> Finding:
    path = ground.config.layout.logs / "audit.log"
    if not path.exists():
        return failed(f"there is no {path}", "podo up: the audit log begins with the server")
    await ground.ask("/api/v1/namespaces?dryRun=All", "POST", {"metadata": {"name": "audit"}})  # a write to record
    last = await _last_event(path)
    if last is None:
        return failed(f"{path} has no events", "look at the audit policy: it records nothing")
    event, size = json.loads(last), path.stat().st_size
    missing = [key for key in ("auditID", "user", "verb", "stage", "level") if key not in event]
    wrong = f"events lack {', '.join(missing)}" if missing else ""
    return judged(wrong, f"{path}, {size} bytes, the last event of {event.get('user', {}).get('username')}", "")


async def _last_event(path: Path) -> bytes | None:
    """The last line of the log. Events are written a moment after the answer: they are waited for."""
    for _ in range(LOOKS):
        if lines := _last_lines(path):
            return lines[-1]
        await sleep(BETWEEN_LOOKS)
    return None


def _last_lines(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65536))
        return [line for line in file.read().splitlines() if line.startswith(b"{")]


async def _encryption(ground: Ground) -> Finding:
    """What Secrets hold is looked for in the store's raw files."""
    files = ground.files("store.db*")
    if not files:
        return skipped("the store is in memory: nothing of it is on a disk")
    values = _values(await ground.items(SECRETS))
    wanted = [form for value in values for form in (value, base64.b64encode(value))]
    if any(_holds(path, wanted) for path in files):
        remedy = f"podo secrets reencrypt --new-key --name {ground.config.name}"
        return failed("values of Secrets can be read in the store's files", remedy)
    if encryption.load(ground.config) is None:
        return failed("Secrets are not encrypted", f"podo secrets reencrypt --new-key --name {ground.config.name}")
    sealed = any(_holds(path, [b"k8s:enc:aesgcm:v1:"]) for path in files)
    seen = f"{len(values)} values of Secrets are not in the store's files"
    return passed(f"{seen}; {'AES-GCM records are' if sealed else 'no Secret has been written yet'}")


def _values(secrets: list[dict[str, Any]]) -> list[bytes]:
    found = []
    for secret in secrets:
        for text in (secret.get("data") or {}).values():
            value = base64.b64decode(text)
            if len(value) >= LONG_ENOUGH:
                found.append(value)
    return found[:VALUES]


def _holds(path: Path, wanted: list[bytes]) -> bool:
    if not wanted or not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return any(data.find(value) >= 0 for value in wanted)


async def tls_of(ground: Ground, ports: list[Port]) -> Finding:
    """TLS 1.2 at least, and no cipher that is broken or without forward secrecy."""
    old, tls12 = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1), ssl.TLSVersion.TLSv1_2
    offers = [*((version, "") for version in old), *((tls12, ciphers) for ciphers in (WEAK, NO_FORWARD_SECRECY))]
    wrong = [
        f"{port.what} agrees to {ciphers or version.name}"
        for port in ports
        for version, ciphers in offers
        if await ground.shakes_hands(port, version, ciphers)
    ]
    return judged("; ".join(wrong), "TLS 1.2 and 1.3 with forward secrecy only", "serve with podo.http.tls")


async def _tls(ground: Ground) -> Finding:
    return await tls_of(ground, [ground.api])


async def _certificate(ground: Ground) -> Finding:
    status, _ = await ground.ask("/version", who="")
    return judged("" if status == 200 else f"status {status}", "it is of the cluster's CA, for this address", "podo up")


async def _kubelet_client(ground: Ground) -> Finding:
    """With its certificate for kubelets the API server is nobody here: else a Node could make it ask itself."""
    status, _ = await ground.ask(SECRETS, who="apiserver-kubelet-client")
    wrong = "" if status == 403 else f"with it all Secrets can be read ({status})"
    remedy = "delete pki/apiserver-kubelet-client.crt and .key, then podo down and podo up"
    return judged(wrong, "the certificate for kubelets gives no rights at the API server", remedy)


async def _flow_control(ground: Ground) -> Finding:
    levels = await ground.items("/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations")
    return judged("" if levels else "there are none", f"{len(levels)} priority levels share the server", "podo up")


async def _ports(ground: Ground) -> Finding:
    """Nothing listens for other machines but the API server, the kubelets and the nodes' DNS."""
    known = {ground.config.port, *(port.number for port in ground.kubelets), *await _dns_ports(ground)}
    found = ground.listening()
    if not found:
        return skipped("the kernel's tables of this cluster's processes cannot be read")
    more = sorted({f"{one.address}:{one.port}" for one in found if not one.is_local and one.port not in known})
    wrong = f"other machines may reach {', '.join(more)}" if more else ""
    seen = "only the API server, kubelets and the cluster's DNS listen for other machines"
    return judged(wrong, seen, "podo status, ss -tlnp")


async def _dns_ports(ground: Ground) -> set[int]:
    slices = await ground.items("/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices")
    names = "kubernetes.io/service-name"
    mine = [one for one in slices if (one["metadata"].get("labels") or {}).get(names) == "kube-dns"]
    return {port["port"] for one in mine for port in one.get("ports") or () if port.get("port")}


async def _arguments(ground: Ground) -> Finding:
    """A command line can be read by every user of the machine."""
    from podo.cluster import state

    found = state.load(ground.config.layout.state).components
    words = ("token", "password", "secret", "BEGIN")
    wrong = [one.name for one in found if any(word in part for part in one.argv for word in words)]
    return judged(", ".join(wrong), "command lines of components name files only", "give files instead")


CONTROLS = (
    Control("1.2.1", "anonymous requests are refused", _anonymous),
    Control("1.2.2", "there are no static tokens, and made-up ones are refused", _made_up_tokens),
    Control("1.2.5", "the API server's certificate for kubelets is good for nothing else", _kubelet_client),
    Control("1.2.6", "authorization is not AlwaysAllow", _authorization),
    Control("1.2.7", "nodes are authorized by what their pods use", _node_authorizer),
    Control("1.2.9", "requests are limited by priority and fairness", _flow_control),
    Control("1.2.12", "pods run as a service account", _service_account),
    Control("1.2.13", "NamespaceLifecycle is on", _namespace_lifecycle),
    Control("1.2.14", "NodeRestriction is on", _node_restriction),
    Control("1.2.15", "profiling is off", _profiling),
    Control("1.2.16", "there is an audit log", _audit_log),
    Control("1.2.24", "the API server shows a certificate of the cluster's CA", _certificate),
    Control("1.2.27", "Secrets are encrypted at rest", _encryption),
    Control("1.2.30", "TLS is modern", _tls),
    Control("1.3.7", "nothing else listens for other machines", _ports),
    Control("1.4.2", "no secret is on a command line", _arguments),
    Control("5.7.5", "external IPs of Services are not for everybody", _external_ips),
)
