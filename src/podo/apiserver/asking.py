"""Questions that CEL expressions ask of the authorizers, about the user of a request or about a service account."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from podo.admission.request import AdmissionRequest
from podo.authn.user import AUTHENTICATED, account_groups, account_name
from podo.authz.attributes import Attributes, Authorizer

if TYPE_CHECKING:
    from podo.cel.library.authorizing import Ask, Question


def asker(authorizer: Authorizer) -> Callable[[AdmissionRequest], Ask]:
    """Who answers the ``authorizer`` of a request's expressions."""

    def of(request: AdmissionRequest) -> Ask:
        def ask(question: Question) -> tuple[bool, str]:
            decision = authorizer.decide(_attributes(request, question))
            return decision.allowed, decision.reason

        return ask

    return of


def _attributes(request: AdmissionRequest, question: Question) -> Attributes:
    user, groups = request.user, request.groups
    if question.account is not None:
        namespace, name = question.account
        user, groups = account_name(namespace, name), (*account_groups(namespace), AUTHENTICATED)
    if question.path:
        return Attributes(user, groups, question.verb, path=question.path)
    return Attributes(
        user,
        groups,
        question.verb,
        question.group,
        question.resource,
        question.subresource,
        question.namespace,
        question.name,
        fields=question.fields,
    )
