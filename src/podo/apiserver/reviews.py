"""SelfSubjectReview and SelfSubjectAccessReview: who am I, and may I? Answered, never stored (``kubectl auth``)."""

from __future__ import annotations

from podo.api.kind import Kind, Obj
from podo.apiserver.call import Call
from podo.authn.user import User
from podo.authz.attributes import Attributes
from podo.authz.components import ComponentAuthorizer
from podo.values import timestamp

WHO_AM_I = Kind(
    group="authentication.k8s.io",
    version="v1",
    kind="SelfSubjectReview",
    plural="selfsubjectreviews",
    namespaced=False,
    verbs=("create",),
)
MAY_I = Kind(
    group="authorization.k8s.io",
    version="v1",
    kind="SelfSubjectAccessReview",
    plural="selfsubjectaccessreviews",
    namespaced=False,
    verbs=("create",),
)
KINDS = (WHO_AM_I, MAY_I)


def answer(call: Call, review: Obj, authorizer: ComponentAuthorizer, now: float) -> Obj:
    """The review with its status filled in. ``review`` has the shape of its kind."""
    review["metadata"] = {"creationTimestamp": timestamp.time(now)}
    if call.kind is WHO_AM_I:
        info = {"username": call.user.name, "groups": list(call.user.groups)}
        return review | {"status": {"userInfo": info}}
    allowed = authorizer.allowed(asked(call.user, review.get("spec") or {}))
    return review | {"status": {"allowed": allowed}}


def asked(user: User, spec: Obj) -> Attributes:
    """The question in the spec of an access review."""
    if path := spec.get("nonResourceAttributes"):
        return Attributes(user.name, user.groups, path.get("verb", ""), path=path.get("path") or "/")
    found = spec.get("resourceAttributes") or {}
    names = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(user.name, user.groups, **{name: found.get(name, "") for name in names})
