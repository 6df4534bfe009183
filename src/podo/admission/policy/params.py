"""The parameters of a binding: the objects that its paramRef means for a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from podo.admission.request import AdmissionRequest
from podo.api.kind import Kind, Obj
from podo.values import selector
from podo.values.fields.layout import Struct

if TYPE_CHECKING:
    from podo.admission.metrics import AdmissionMetrics
    from podo.admission.policy.compiled import Binding, Policy
    from podo.cel.library.authorizing import Ask

#: More parameters than this are not evaluated for one request and binding.
MAX_PARAMS = 1000


@dataclass(frozen=True, slots=True)
class Outside:
    """What policies need of the server.

    ``kind(apiVersion, kind)``: the kind that is served so, or None. ``ask(request)``: who answers the request's
    authorizer. ``settle(request, obj)``: brings a changed object into its kind's form, or raises ApiError.
    ``layout(kind)``: how its objects divide into fields. ``metrics``: where evaluations are counted.
    """

    kind: Callable[[str, str], Kind | None]
    ask: Callable[[AdmissionRequest], Ask]
    settle: Callable[[AdmissionRequest, Obj], Obj]
    layout: Callable[[Kind], Struct]
    metrics: AdmissionMetrics


class ParamProblem(Exception):
    """The policy or (``of_binding``) the binding is not configured right for this request."""

    def __init__(self, message: str, of_binding: bool = True) -> None:
        super().__init__(message)
        self.of_binding = of_binding


async def params_of(policy: Policy, binding: Binding, request: AdmissionRequest, outside: Outside) -> list[Obj | None]:
    """The policy is evaluated once for each. Raises ParamProblem."""
    if policy.param_kind is None:
        return [None]
    kind = outside.kind(*policy.param_kind)
    if kind is None:
        api_version, name = policy.param_kind
        group, _, version = api_version.rpartition("/")
        shown = f"{f'{group}/' if group else ''}{version}, Kind={name}"
        raise ParamProblem(f"failed to find resource referenced by paramKind: '{shown}'", of_binding=False)
    if not binding.param:
        return [None]
    found = await _found(kind, binding, request)
    if not found and binding.param.get("parameterNotFoundAction") == "Deny":
        raise ParamProblem("no params found for policy binding with `Deny` parameterNotFoundAction")
    return [*found]


async def _found(kind: Kind, binding: Binding, request: AdmissionRequest) -> list[Obj]:
    reference = binding.param or {}
    namespace = _namespace(kind, reference.get("namespace") or "", request)
    if name := reference.get("name"):
        record = await request.store.get(kind.key(namespace, name))
        return [_shown(kind, record.value)] if record else []
    wanted = selector.from_label_selector(reference.get("selector"))
    page = await request.store.range(f"{kind.prefix}{namespace}/" if kind.namespaced else kind.prefix)
    objects = (_shown(kind, record.value) for record in page.records)
    found = [obj for obj in objects if wanted.matches((obj.get("metadata") or {}).get("labels"))]
    if len(found) > MAX_PARAMS:
        raise ParamProblem(f"the selector matches {len(found)} params, more than {MAX_PARAMS}")
    return found


def _namespace(kind: Kind, given: str, request: AdmissionRequest) -> str:
    if not kind.namespaced:
        if given:
            raise ParamProblem("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        return ""
    namespace = given or (request.namespace if request.kind.namespaced else "")
    if not namespace:
        why = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
        raise ParamProblem(why)
    return namespace


def _shown(kind: Kind, value: bytes) -> Obj:
    obj: Obj = orjson.loads(value)
    return kind.from_stored(obj) if kind.from_stored else obj
