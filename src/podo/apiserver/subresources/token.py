"""``serviceaccounts/token``: a token of a service account on request, for an audience, a time, and bound to an object.

Source: TokenRequest of authentication.k8s.io/v1 in the Kubernetes API reference.
"""

from __future__ import annotations

from podo.api import registry
from podo.api.encoding import dumps, load
from podo.api.errors import ApiError, bad_request, conflict, invalid, not_found
from podo.api.kind import Obj
from podo.api.kinds.authentication.reviews import TOKENREQUEST
from podo.api.rules import Found
from podo.api.rules import invalid as wrong
from podo.apiserver import shape
from podo.apiserver.admitting import admit_whole
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.verbs.get import get
from podo.authn.tokens import Bound, TokenAuthenticator
from podo.values import timestamp

DEFAULT_SECONDS, SHORTEST, LONGEST = 3600, 600, 1 << 32


async def request_token(backend: Backend, tokens: TokenAuthenticator, call: Call, body: Obj) -> Written:
    """The TokenRequest with its status. Raises NotFound, Invalid, BadRequest, Conflict."""
    asking = Call(call.verb, TOKENREQUEST, call.namespace, call.name, user=call.user)
    request = shape.conform(asking, body)
    spec = {**(request.get("spec") or {})}
    spec["expirationSeconds"] = seconds = spec.get("expirationSeconds") or DEFAULT_SECONDS
    _check(call.name, spec["expirationSeconds"])
    account = load((await get(backend, call)).value)
    asked = {**request, "spec": spec}
    await admit_whole(backend, call, "CREATE", asked, None)
    spec = asked["spec"]
    spec["audiences"] = spec.get("audiences") or list(tokens.audiences)
    reference = spec.get("boundObjectRef")
    bound = await _bound(backend, call, reference) if reference else []
    token, expires = tokens.issue(account, spec["audiences"], seconds, backend.chance.uid(), bound)
    status = {"token": token, "expirationTimestamp": timestamp.time(expires)}
    metadata = {"name": call.name, "namespace": call.namespace}
    metadata["creationTimestamp"] = timestamp.time(backend.clock.now())
    return Written(dumps({**request, "metadata": metadata, "spec": spec, "status": status}), 201)


def _check(name: str, seconds: int) -> None:
    found: Found = []
    path = "spec.expirationSeconds"
    if seconds < SHORTEST:
        found.append(wrong(path, seconds, "may not specify a duration less than 10 minutes"))
    if seconds > LONGEST:
        found.append(wrong(path, seconds, "may not specify a duration larger than 2^32 seconds"))
    if found:
        raise invalid(TOKENREQUEST, name, found)


async def _bound(backend: Backend, call: Call, reference: Obj) -> list[Bound]:
    """What the token is bound to; a pod's node comes with it."""
    kind, version = reference.get("kind") or "", reference.get("apiVersion") or ""
    if version not in ("", "v1") or kind not in ("Pod", "Secret", "Node"):
        group = f"{version}, Kind={kind}" if version else f"/, Kind={kind}"
        raise bad_request(f"cannot bind token to object of type {group}")
    obj = await _object(backend, kind, call.namespace, reference.get("name") or "")
    found = obj["metadata"]
    if (uid := reference.get("uid") or "") and uid != found["uid"]:
        why = f"the UID in the bound object reference ({uid}) does not match the UID in record. "
        why += "The object might have been deleted and then recreated"
        raise conflict(registry.named(kind), found["name"], why)
    bound = [Bound(kind.lower(), found["name"], found["uid"])]
    if kind == "Pod":
        _check_account(call, obj)
        bound += await _node(backend, obj)
    return bound


def _check_account(call: Call, pod: Obj) -> None:
    if (pod.get("spec") or {}).get("serviceAccountName") != call.name:
        why = f'cannot bind token for serviceaccount "{call.name}" to pod running with different serviceaccount name.'
        raise bad_request(why)


async def _node(backend: Backend, pod: Obj) -> list[Bound]:
    name = pod["spec"].get("nodeName")
    if not name:
        return []
    try:
        node = await _object(backend, "Node", "", name)
    except ApiError:
        return [Bound("node", name, "")]
    return [Bound("node", name, node["metadata"]["uid"])]


async def _object(backend: Backend, kind: str, namespace: str, name: str) -> Obj:
    found = registry.named(kind)
    record = await backend.store.get(found.key(namespace, name))
    if record is None:
        raise not_found(found, name)
    return load(record.value)
