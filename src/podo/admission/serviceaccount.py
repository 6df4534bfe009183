"""ServiceAccount: a pod runs as a service account that exists, ``default`` where it names none, and has a token of it
below /var/run/secrets/kubernetes.io/serviceaccount, unless it or the account does not want one.

Source: "Configure Service Accounts for Pods" and "Managing Service Accounts" of the Kubernetes documentation.
"""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

import orjson

from podo.admission import mountablesecrets
from podo.admission.request import AdmissionRequest, Plugin, creates_pod, is_core
from podo.api import registry
from podo.api.errors import forbidden
from podo.api.kind import Kind, Obj
from podo.api.parts.api_references import named_by
from podo.api.parts.pod_annotations import MIRROR
from podo.runtime.chance import SUFFIX_LETTERS
from podo.runtime.tasks import sleep

DEFAULT = "default"
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
#: An hour and seven seconds: tells a token that a client may keep too long from others (KEP-1205).
TOKEN_SECONDS = 3607
_FILE_MODE = 0o644
#: A namespace's account ``default`` may be on its way.
_ATTEMPTS, _PAUSE_SECONDS = 10, 0.1


async def admit(request: AdmissionRequest) -> None:
    pod = request.object
    if pod is None or not isinstance(spec := pod.get("spec"), dict):
        return
    if MIRROR in (pod["metadata"].get("annotations") or {}):
        _check_mirror(request, spec)
        return
    name = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = await _account(request, name)
    if why := mountablesecrets.refusal(account, spec):
        raise forbidden(request.kind, request.name, why)
    if _wants_token(spec, account):
        _mount_token(spec, _suffix(str(account["metadata"].get("uid"))))
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [{"name": one.get("name", "")} for one in account["imagePullSecrets"]]


def _check_mirror(request: AdmissionRequest, spec: Obj) -> None:
    """The API server cannot see to it that a pod from a file on a node gets what it names."""
    if spec.get("serviceAccountName"):
        raise forbidden(request.kind, request.name, "a mirror pod may not reference service accounts")
    if "secrets" in named_by(spec):
        raise forbidden(request.kind, request.name, "a mirror pod may not reference secrets")
    for volume in spec.get("volumes") or ():
        projected = (volume.get("projected") or {}).get("sources") or ()
        if any("serviceAccountToken" in source for source in projected):
            why = "a mirror pod may not use ServiceAccountToken volume projections"
            raise forbidden(request.kind, request.name, why)


async def _account(request: AdmissionRequest, name: str) -> Obj:
    key = registry.named("ServiceAccount").key(request.namespace, name)
    for attempt in range(_ATTEMPTS if name == DEFAULT else 1):
        if attempt:
            await sleep(_PAUSE_SECONDS)
        if record := await request.store.get(key):
            return _decoded(record.value)
    why = f'error looking up service account {request.namespace}/{name}: serviceaccount "{name}" not found'
    raise forbidden(request.kind, request.name, why)


@lru_cache(1024)
def _decoded(value: bytes) -> Obj:
    """Every pod asks for one of few accounts, and changes nothing of it."""
    found: Obj = orjson.loads(value)
    return found


def _wants_token(spec: Obj, account: Obj) -> bool:
    for said in (spec, account):
        if said.get("automountServiceAccountToken") is not None:
            return bool(said["automountServiceAccountToken"])
    return True


@lru_cache(1024)
def _suffix(uid: str) -> str:
    """Five letters for the volume's name: the same for all pods of an account, so that the pods of one template are
    alike and their rules are checked once."""
    number = crc32(uid.encode())
    return "".join(SUFFIX_LETTERS[number // len(SUFFIX_LETTERS) ** place % len(SUFFIX_LETTERS)] for place in range(5))


def _mount_token(spec: Obj, suffix: str) -> None:
    """The volume, and its mount in each container that has nothing else at that place."""
    volumes = spec.get("volumes") or []
    there = next((volume["name"] for volume in volumes if str(volume.get("name")).startswith(VOLUME_PREFIX)), "")
    name = ""
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        mounts = container.get("volumeMounts") or []
        if any(mount.get("mountPath") == TOKEN_PATH for mount in mounts):
            continue
        name = name or there or VOLUME_PREFIX + suffix
        container["volumeMounts"] = [*mounts, {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}]
    if name and not there:
        spec["volumes"] = [*volumes, token_volume(name)]


def token_volume(name: str) -> Obj:
    """Token, CA and namespace in one volume."""
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    ca = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": ca},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": _FILE_MODE}}


async def check_debugging(request: AdmissionRequest) -> None:
    """Containers that are added to a running pod have no other Secrets than the rest (CVE-2023-2728)."""
    spec = (request.object or {}).get("spec") or {}
    record = await request.store.get(
        registry.named("ServiceAccount").key(request.namespace, spec.get("serviceAccountName") or "")
    )
    added = {"ephemeralContainers": spec.get("ephemeralContainers")}
    if record is not None and (why := mountablesecrets.refusal(_decoded(record.value), added)):
        raise forbidden(request.kind, request.name, why)


def _adds_debugging(kind: Kind, operation: str, subresource: str) -> bool:
    return is_core(kind, "pods") and operation == "UPDATE" and subresource == "ephemeralcontainers"


PLUGIN = Plugin("ServiceAccount", creates_pod, admit)
DEBUGGING = Plugin("ServiceAccount", _adds_debugging, check_debugging)
