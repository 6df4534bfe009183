"""The AdmissionReview that a webhook is sent. Pure."""

from __future__ import annotations

from podo.admission.matching import in_form_of, is_of_resource
from podo.admission.request import AdmissionRequest
from podo.api.kind import Kind, Obj

GROUP = "admission.k8s.io"
#: The versions that this server speaks.
VERSIONS = ("v1", "v1beta1")


def version_for(wished: tuple[str, ...]) -> str:
    """The first of a webhook's versions that this server speaks; "" if there is none."""
    return next((version for version in wished if version in VERSIONS), "")


def review_of(request: AdmissionRequest, kind: Kind, uid: str, version: str) -> Obj:
    """The review of ``request`` in the form of ``kind``. Objects in it are the request's own: encode before they
    change."""
    own = request.kind
    asked: Obj = {
        "uid": uid,
        "kind": _kind_of(request, kind),
        "resource": _resource(kind),
        "requestKind": _kind_of(request, own),
        "requestResource": _resource(own),
    }
    if request.subresource:
        asked["subResource"] = asked["requestSubResource"] = request.subresource
    if request.name:
        asked["name"] = request.name
    if own.namespaced or (own.plural == "namespaces" and not own.group):
        asked["namespace"] = request.namespace or request.name
    asked["operation"] = request.operation
    asked["userInfo"] = _user(request)
    asked["object"] = in_form_of(request, kind, request.object)
    asked["oldObject"] = in_form_of(request, kind, request.old)
    asked["dryRun"] = request.dry_run
    asked["options"] = request.options or None
    return {"kind": "AdmissionReview", "apiVersion": f"{GROUP}/{version}", "request": asked}


def _kind_of(request: AdmissionRequest, kind: Kind) -> Obj:
    seen = request.object or request.old
    if seen is None or is_of_resource(request, seen):
        return {"group": kind.group, "version": kind.version, "kind": kind.kind}
    group, _, version = str(seen.get("apiVersion") or "").rpartition("/")
    return {"group": group, "version": version, "kind": seen.get("kind") or ""}


def _resource(kind: Kind) -> Obj:
    return {"group": kind.group, "version": kind.version, "resource": kind.plural}


def _user(request: AdmissionRequest) -> Obj:
    found: Obj = {"username": request.user}
    if request.uid:
        found["uid"] = request.uid
    if request.groups:
        found["groups"] = list(request.groups)
    if request.extra:
        found["extra"] = dict(request.extra)
    return found
