"""Who makes a policy or binding must be able to read the parameters that it refers to: through a policy they could
otherwise learn what they may not see.

Source: "Parameter resources" (authorization) of the documentation page of ValidatingAdmissionPolicy.
"""

from __future__ import annotations

from typing import Any

import orjson

from podo.admission.request import AdmissionRequest, Plugin
from podo.api import registry
from podo.api.errors import ApiError, invalid
from podo.api.kind import Kind, Obj
from podo.api.rules import forbidden

_GROUP = "admissionregistration.k8s.io"
_POLICIES = {
    "validatingadmissionpolicybindings": "validatingadmissionpolicies",
    "mutatingadmissionpolicybindings": "mutatingadmissionpolicies",
}


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    known = kind.plural in _POLICIES or kind.plural in _POLICIES.values()
    return kind.group == _GROUP and known and operation in ("CREATE", "UPDATE") and not subresource


async def admit(request: AdmissionRequest) -> None:
    """Raises Invalid, as upstream's strategies do."""
    new, old = (request.object or {}).get("spec") or {}, (request.old or {}).get("spec") or {}
    if request.kind.plural in _POLICIES:
        if new.get("paramRef") and (new.get("paramRef"), new.get("policyName")) != _reference(old):
            await _check_reference(request, new)
    elif new.get("paramKind") and new["paramKind"] != old.get("paramKind"):
        group, resource = await _resource(request, new["paramKind"])
        if not request.may("get", group, resource, "*", "*"):
            raise _refused(request, "paramKind", _must_read(request, new["paramKind"]))


def _reference(spec: Obj) -> tuple[Any, Any]:
    return spec.get("paramRef"), spec.get("policyName")


async def _check_reference(request: AdmissionRequest, spec: Obj) -> None:
    plural = _POLICIES[request.kind.plural]
    policies = registry.resource(_GROUP, request.kind.version, plural)
    record = await request.store.get(policies.key("", str(spec.get("policyName")))) if policies else None
    kind = (orjson.loads(record.value)["spec"] if record else {}).get("paramKind")
    group, resource = await _resource(request, kind) if kind else ("*", "*")
    reference = spec["paramRef"]
    name, namespace = reference.get("name") or "*", reference.get("namespace") or "*"
    if not request.may("get", group, resource, name, namespace):
        why = f'user {request.user} does not have "get" permission on the object referenced by paramRef'
        raise _refused(request, "paramRef", why)


async def _resource(request: AdmissionRequest, kind: Obj) -> tuple[str, str]:
    """Group and resource of a kind; every resource of the group where nobody knows the kind."""
    api_version, name = str(kind.get("apiVersion")), str(kind.get("kind"))
    group = api_version.rpartition("/")[0]
    try:
        return group, registry.of({"apiVersion": api_version, "kind": name}).plural
    except registry.UnknownKind:
        pass
    definitions = await request.store.range(registry.named("CustomResourceDefinition").prefix)
    for record in definitions.records:
        spec = orjson.loads(record.value)["spec"]
        if spec["group"] == group and spec["names"]["kind"] == name:
            return group, str(spec["names"]["plural"])
    return group, "*"


def _must_read(request: AdmissionRequest, kind: Obj) -> str:
    named = f"(kind={kind.get('kind')}, apiVersion={kind.get('apiVersion')})"
    return f'user {request.user} must have "get" permission on all objects of the referenced paramKind {named}'


def _refused(request: AdmissionRequest, field: str, why: str) -> ApiError:
    return invalid(request.kind, request.name, [forbidden(f"spec.{field}", why)])


PLUGIN = Plugin("PolicyParams", handles, admit)
