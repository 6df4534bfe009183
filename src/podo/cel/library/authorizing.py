"""The authorizer: ``authorizer.group("").resource("pods").namespace("a").check("get").allowed()``.

Who answers is given with the variable; here is only the question.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from podo.cel.library.function import Function, method
from podo.cel.values import CelError, Opaque
from podo.values import names

_PREFIX = "kubernetes.authorization."
AUTHORIZER, PATH, GROUP = f"{_PREFIX}Authorizer", f"{_PREFIX}PathCheck", f"{_PREFIX}GroupCheck"
RESOURCE, DECISION = f"{_PREFIX}ResourceCheck", f"{_PREFIX}Decision"
#: A question to the authorizers is dear: other policies may have to wait for a webhook.
_CHECK_COST = 350_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. ``account``: namespace and name of the service account, None for the user of the request."""

    account: tuple[str, str] | None = None
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    fields: str = ""
    labels: str = ""
    verb: str = ""


#: May they? And why, or why not, where that is known.
Ask = Callable[[Question], tuple[bool, str]]


@dataclass(frozen=True, slots=True)
class _Asking(Opaque):
    ask: Ask
    question: Question


@dataclass(frozen=True, slots=True)
class Authorizer(_Asking):
    cel_type = AUTHORIZER


@dataclass(frozen=True, slots=True)
class PathCheck(_Asking):
    cel_type = PATH


@dataclass(frozen=True, slots=True)
class GroupCheck(_Asking):
    cel_type = GROUP


@dataclass(frozen=True, slots=True)
class ResourceCheck(_Asking):
    cel_type = RESOURCE


@dataclass(frozen=True, slots=True)
class Decision(Opaque):
    allowed: bool
    reason: str

    cel_type = DECISION


def authorizer(ask: Ask) -> Authorizer:
    """The variable ``authorizer``."""
    return Authorizer(ask, Question())


def resource_check(ask: Ask, question: Question) -> ResourceCheck:
    """The variable ``authorizer.requestResource``: all but the verb."""
    return ResourceCheck(ask, question)


def _account(found: Authorizer, namespace: str, name: str) -> Authorizer:
    if wrong := [*names.label(namespace), *names.subdomain(name)]:
        raise CelError(f"invalid service account: {wrong[0]}")
    return Authorizer(found.ask, replace(found.question, account=(namespace, name)))


def _path(found: Authorizer, path: str) -> PathCheck:
    if not path:
        raise CelError("path must not be empty")
    return PathCheck(found.ask, replace(found.question, path=path))


def _group(found: Authorizer, group: str) -> GroupCheck:
    return GroupCheck(found.ask, replace(found.question, group=group))


def _resource(found: GroupCheck, resource: str) -> ResourceCheck:
    return ResourceCheck(found.ask, replace(found.question, resource=resource))


def _narrowed(field: str) -> Callable[[ResourceCheck, str], ResourceCheck]:
    def narrow(found: ResourceCheck, value: str) -> ResourceCheck:
        changed: Question = replace(found.question, **{field: value})  # type: ignore[arg-type]
        return ResourceCheck(found.ask, changed)

    return narrow


def _check(found: _Asking, verb: str) -> Decision:
    return Decision(*found.ask(replace(found.question, verb=verb)))


def _check_cost(*_: Any) -> int:
    return _CHECK_COST


_FIELDS = {"subresource": "subresource", "namespace": "namespace", "name": "name"}
_FIELDS |= {"fieldSelector": "fields", "labelSelector": "labels"}

FUNCTIONS: tuple[Function, ...] = (
    method("path", f"{AUTHORIZER}; string", PATH, _path),
    method("group", f"{AUTHORIZER}; string", GROUP, _group),
    method("serviceAccount", f"{AUTHORIZER}; string; string", AUTHORIZER, _account),
    method("resource", f"{GROUP}; string", RESOURCE, _resource),
    *(method(name, f"{RESOURCE}; string", RESOURCE, _narrowed(field)) for name, field in _FIELDS.items()),
    method("check", f"{PATH}; string", DECISION, _check, cost=_check_cost),
    method("check", f"{RESOURCE}; string", DECISION, _check, cost=_check_cost),
    method("allowed", DECISION, "bool", lambda found: found.allowed),
    method("reason", DECISION, "string", lambda found: found.reason),
    method("errored", DECISION, "bool", lambda found: False),
    method("error", DECISION, "string", lambda found: ""),
)
