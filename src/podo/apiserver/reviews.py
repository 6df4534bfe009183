"""Reviews: who am I, may I, may they, whose token is this? Answered, never stored (``kubectl auth``)."""

from __future__ import annotations

from typing import Any

from podo.api.errors import bad_request, invalid
from podo.api.kind import Kind, Obj
from podo.api.kinds.authentication.reviews import SELFSUBJECTREVIEW, TOKENREVIEW
from podo.api.kinds.authorization.reviews import (
    LOCALSUBJECTACCESSREVIEW,
    SELFSUBJECTACCESSREVIEW,
    SELFSUBJECTRULESREVIEW,
    SUBJECTACCESSREVIEW,
)
from podo.api.rules import required
from podo.apiserver import stamping
from podo.apiserver.call import Call
from podo.authn.method import Rejected, TokenMethod
from podo.authn.user import User
from podo.authz.attributes import Attributes
from podo.authz.chain import AuthorizerChain
from podo.authz.selectors import fields_text
from podo.values import timestamp

KINDS = (
    SELFSUBJECTREVIEW,
    TOKENREVIEW,
    SELFSUBJECTACCESSREVIEW,
    SUBJECTACCESSREVIEW,
    LOCALSUBJECTACCESSREVIEW,
    SELFSUBJECTRULESREVIEW,
)
_BY_TYPE = {(kind.api_version, kind.kind): kind for kind in KINDS}
_NAMES = ("verb", "group", "version", "resource", "subresource", "namespace", "name")


def kind_of(review: Obj) -> Kind | None:
    return _BY_TYPE.get((review.get("apiVersion", ""), review.get("kind", "")))


async def answer(call: Call, review: Obj, authorizer: AuthorizerChain, tokens: TokenMethod, now: float) -> Obj:
    """The review with its status filled in. ``review`` has the shape of its kind. Raises Invalid."""
    kind = call.kind
    if kind.namespaced:
        stamping.match_namespace(call, review)
    if problems := list(kind.problems(review, None)):
        raise invalid(kind, "", problems)
    status = await _status(kind, call.user, review.get("spec") or {}, authorizer, tokens)
    metadata: Obj = {"creationTimestamp": timestamp.time(now)} if kind is SELFSUBJECTREVIEW else {}
    if kind.namespaced:
        metadata["namespace"] = call.namespace
    return {**review, "metadata": metadata, "status": status}


async def _status(kind: Kind, user: User, spec: Obj, authorizer: AuthorizerChain, tokens: TokenMethod) -> Obj:
    if kind is SELFSUBJECTREVIEW:
        return {"userInfo": user.info()}
    if kind is TOKENREVIEW:
        return await _whose(spec, tokens)
    if kind is SELFSUBJECTRULESREVIEW:
        return _rules(user, spec, authorizer)
    if kind is SELFSUBJECTACCESSREVIEW:
        return _may(asked(user, spec), authorizer)
    return _may(asked(_subject(spec), spec), authorizer)


def _subject(spec: Obj) -> User:
    """Exactly the user and groups that are named: nothing is added."""
    extra = tuple(sorted((key, tuple(values)) for key, values in (spec.get("extra") or {}).items()))
    return User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "", extra)


def asked(user: User, spec: Obj) -> Attributes:
    """The question in the spec of an access review."""
    path = spec.get("nonResourceAttributes")
    if path is not None:
        return Attributes(user.name, user.groups, path.get("verb") or "", path=path.get("path") or "/")
    found = spec.get("resourceAttributes") or {}
    given: dict[str, Any] = {name: found.get(name) or "" for name in _NAMES}
    fields = fields_text(found.get("fieldSelector"))
    return Attributes(user.name, user.groups, **given, fields=fields, uid=user.uid, extra=user.extra)


def _may(question: Attributes, authorizer: AuthorizerChain) -> Obj:
    decision = authorizer.decide(question)
    status: Obj = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
    return status


def _rules(user: User, spec: Obj, authorizer: AuthorizerChain) -> Obj:
    namespace = spec.get("namespace") or ""
    if not namespace:
        raise bad_request("no namespace on request")
    rules, errors = authorizer.rules_for(user.name, user.groups, namespace)
    on_resources = [
        {field: rule[field] for field in ("verbs", "apiGroups", "resources", "resourceNames") if rule.get(field)}
        for rule in rules
        if rule.get("resources")
    ]
    on_paths = [
        {"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]}
        for rule in rules
        if rule.get("nonResourceURLs")
    ]
    status: Obj = {"resourceRules": on_resources, "nonResourceRules": on_paths, "incomplete": bool(errors)}
    return status | {"evaluationError": "; ".join(errors)} if errors else status


async def _whose(spec: Obj, tokens: TokenMethod) -> Obj:
    if not spec.get("token"):
        raise invalid(TOKENREVIEW, "", [required("spec.token", "token is required for TokenReview in authentication")])
    try:
        found = await tokens.authenticate(spec["token"], spec.get("audiences") or ())
    except Rejected as refused:
        return {"user": {}, "error": str(refused)}
    return {"authenticated": True, "user": found.user.info(), "audiences": list(found.audiences)}
