"""The access reviews (authorization.k8s.io/v1): may somebody do something? Answered, never stored."""

from __future__ import annotations

from podo.api.kind import Kind, Obj
from podo.api.rules import Found, invalid

GROUP = "authorization.k8s.io"
_ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


def _check_question(spec: Obj, found: Found) -> None:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        found.append(
            invalid("spec.nonResourceAttributes", path, "cannot be specified in combination with resourceAttributes")
        )
    if resource is None and path is None:
        found.append(invalid("spec.resourceAttributes", resource, _ONE))


def _check_subject(spec: Obj, found: Found) -> None:
    if not spec.get("user") and not spec.get("groups"):
        found.append(invalid("spec.user", spec.get("user") or "", "at least one of user or group must be specified"))


def _self_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    _check_question(new.get("spec") or {}, found)
    return found


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    _check_question(new.get("spec") or {}, found)
    _check_subject(new.get("spec") or {}, found)
    return found


def _local_problems(new: Obj, old: Obj | None) -> Found:
    spec = new.get("spec") or {}
    found = _problems(new, old)
    resource, namespace = spec.get("resourceAttributes"), new["metadata"].get("namespace") or ""
    if spec.get("nonResourceAttributes") is not None:
        found.append(
            invalid("spec.nonResourceAttributes", spec["nonResourceAttributes"], "disallowed on this kind of request")
        )
    if resource is not None and (resource.get("namespace") or "") != namespace:
        found.append(
            invalid(
                "spec.resourceAttributes.namespace", resource.get("namespace") or "", "must match metadata.namespace"
            )
        )
    return found


SELFSUBJECTACCESSREVIEW = Kind(
    group=GROUP,
    version="v1",
    kind="SelfSubjectAccessReview",
    plural="selfsubjectaccessreviews",
    singular="selfsubjectaccessreview",
    namespaced=False,
    verbs=("create",),
    problems=_self_problems,
)
SUBJECTACCESSREVIEW = Kind(
    group=GROUP,
    version="v1",
    kind="SubjectAccessReview",
    plural="subjectaccessreviews",
    singular="subjectaccessreview",
    namespaced=False,
    verbs=("create",),
    problems=_problems,
)
LOCALSUBJECTACCESSREVIEW = Kind(
    group=GROUP,
    version="v1",
    kind="LocalSubjectAccessReview",
    plural="localsubjectaccessreviews",
    singular="localsubjectaccessreview",
    verbs=("create",),
    problems=_local_problems,
)
SELFSUBJECTRULESREVIEW = Kind(
    group=GROUP,
    version="v1",
    kind="SelfSubjectRulesReview",
    plural="selfsubjectrulesreviews",
    singular="selfsubjectrulesreview",
    namespaced=False,
    verbs=("create",),
)
