"""What expressions see of a request: ``object``, ``oldObject``, ``request``, ``namespaceObject``, ``authorizer``,
``params`` and ``variables``. Each is made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from podo.admission import matching
from podo.admission.matching import in_form_of
from podo.admission.request import AdmissionRequest
from podo.admission.webhook.review import review_of
from podo.api.kind import Kind, Obj
from podo.api.kinds.admissionregistration.expressions import namespace_to_cel
from podo.cel.budget import Budget
from podo.cel.library import authorizing
from podo.cel.library.authorizing import Ask, Question
from podo.cel.program import Program
from podo.cel.values import CelError

#: Parts of an AdmissionReview's request that expressions do not see in it.
_APART = ("uid", "object", "oldObject")


class Activation(dict[str, Any]):
    """The variables of one request in the form of one kind. ``namespace``: the stored Namespace, for those that ask."""

    def __init__(self, request: AdmissionRequest, kind: Kind, ask: Ask, namespace: bytes | None) -> None:
        super().__init__()
        self["object"] = in_form_of(request, kind, request.object)
        self["oldObject"] = in_form_of(request, kind, request.old)
        self._request, self._kind, self._ask, self._namespace = request, kind, ask, namespace

    def __missing__(self, name: str) -> Any:
        make = _MAKERS.get(name)
        if make is None:
            raise KeyError(name)
        self[name] = value = make(self)
        return value

    def with_params(self, params: Obj | None) -> dict[str, Any]:
        """The same with other parameters."""
        self["params"] = params
        return self

    def _asked(self) -> Obj:
        asked: Obj = review_of(self._request, self._kind, "", "v1")["request"]
        return {key: value for key, value in asked.items() if key not in _APART}

    def _namespace_object(self) -> Obj | None:
        return namespace_to_cel(orjson.loads(self._namespace)) if self._namespace else None

    def _authorizer(self) -> Any:
        return authorizing.authorizer(self._ask)

    def _request_resource(self) -> Any:
        request, kind = self._request, self._kind
        question = Question(
            group=kind.group,
            resource=kind.plural,
            subresource=request.subresource,
            namespace=request.namespace,
            name=request.name,
        )
        return authorizing.resource_check(self._ask, question)


_MAKERS: dict[str, Callable[[Activation], Any]] = {
    "request": Activation._asked,
    "namespaceObject": Activation._namespace_object,
    "authorizer": Activation._authorizer,
    "authorizer.requestResource": Activation._request_resource,
}


class Variables(dict[str, Any]):
    """The ``variables`` of a policy: each is evaluated when it is first asked for, once."""

    def __init__(self, programs: Mapping[str, Program], activation: Mapping[str, Any], budget: Budget) -> None:
        super().__init__()
        self._programs, self._activation, self._budget = programs, activation, budget

    def __contains__(self, name: object) -> bool:
        return name in self._programs

    def __missing__(self, name: str) -> Any:
        program = self._programs[name]
        try:
            value = program.evaluate(self._activation, self._budget)
        except CelError as problem:
            raise CelError(f'composited variable "{name}" fails to evaluate: {problem}') from None
        self[name] = value
        return value


async def activation_of(request: AdmissionRequest, kind: Kind, programs_use: frozenset[str], ask: Ask) -> Activation:
    """Of a request whose objects have the form of the kind (``matching.make_forms``). ``programs_use``: what the
    expressions refer to; the namespace is read only for those that ask for it, with ApiError where there is none."""
    namespace = None
    if "namespaceObject" in programs_use and request.kind.namespaced:
        namespace = await matching.namespace_bytes(request)
    return Activation(request, kind, ask, namespace)
