"""SelfSubjectReview, TokenReview and TokenRequest (authentication.k8s.io/v1): answered, never stored."""

from __future__ import annotations

from podo.api.kind import Kind

GROUP = "authentication.k8s.io"


def _review(kind: str, plural: str) -> Kind:
    return Kind(
        group=GROUP, version="v1", kind=kind, plural=plural, singular=kind.lower(), namespaced=False, verbs=("create",)
    )


SELFSUBJECTREVIEW = _review("SelfSubjectReview", "selfsubjectreviews")
TOKENREVIEW = _review("TokenReview", "tokenreviews")
#: The body of ``serviceaccounts/token``.
TOKENREQUEST = Kind(
    group=GROUP, version="v1", kind="TokenRequest", plural="tokenrequests", singular="tokenrequest", verbs=("create",)
)
