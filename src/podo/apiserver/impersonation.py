"""Impersonation: a request in another user's name, by whoever may ``impersonate`` that user, its groups, uid and extra.

Source: "User impersonation" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote

from podo.api.errors import ApiError, bad_request
from podo.authn.user import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, User, account_groups, account_of
from podo.authz.attributes import Attributes, Authorizer, refusal

USER, GROUP, UID, EXTRA = "impersonate-user", "impersonate-group", "impersonate-uid", "impersonate-extra-"
_GROUP = "authentication.k8s.io"


def impersonated(user: User, headers: Mapping[str, str], authorizer: Authorizer) -> User:
    """Who the request is to be carried out as. Raises Forbidden, BadRequest."""
    if not _asked(tuple(headers)):
        return user
    wanted = _wanted(headers)
    for question in _questions(user, wanted):
        decision = authorizer.decide(question)
        if not decision.allowed:
            details = {"name": question.name, "group": question.group, "kind": question.resource}
            raise ApiError(
                "Forbidden", refusal(question, decision.reason), {key: value for key, value in details.items() if value}
            )
    return _with_groups(wanted)


@lru_cache(maxsize=64)
def _asked(names: tuple[str, ...]) -> bool:
    """The headers of a client are the same at each of its requests."""
    return any(name.startswith("impersonate-") for name in names)


def _values(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(",") if one.strip())


def _wanted(headers: Mapping[str, str]) -> User:
    """The user as the headers name it."""
    groups = _values(headers.get(GROUP, ""))
    uid = headers.get(UID, "")
    extra = tuple(
        sorted((unquote(name[len(EXTRA) :]), _values(text)) for name, text in headers.items() if name.startswith(EXTRA))
    )
    name = headers.get(USER, "")
    if not name:
        raise bad_request("requested impersonation of groups, uid or extra without impersonating a user")
    return User(name, groups, uid, extra)


def _questions(user: User, wanted: User) -> list[Attributes]:
    """What the user must be allowed to do."""

    def may(resource: str, name: str, group: str = "", namespace: str = "", subresource: str = "") -> Attributes:
        return Attributes(user.name, user.groups, "impersonate", group, resource, subresource, namespace, name)

    account = account_of(wanted.name)
    found = [may("serviceaccounts", account[1], namespace=account[0])] if account else [may("users", wanted.name)]
    found += [may("groups", group) for group in wanted.groups]
    if wanted.uid:
        found.append(may("uids", wanted.uid, _GROUP))
    for key, values in wanted.extra:
        found += [may("userextras", value, _GROUP, subresource=key) for value in values]
    return found


def _with_groups(wanted: User) -> User:
    groups = wanted.groups
    if wanted.name == ANONYMOUS.name:
        return User(wanted.name, groups or ANONYMOUS.groups, wanted.uid, wanted.extra)
    account = account_of(wanted.name)
    if account and not groups:
        groups = account_groups(account[0])
    if AUTHENTICATED not in groups and UNAUTHENTICATED not in groups:
        groups = (*groups, AUTHENTICATED)
    return User(wanted.name, groups, wanted.uid, wanted.extra)
