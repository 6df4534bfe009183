"""The kinds this server serves: those of the registry, which are stored, and the reviews, which are only answered."""

from __future__ import annotations

from podo.api import registry
from podo.api.kind import Kind
from podo.apiserver import reviews

_REVIEWS = {(kind.group, kind.version, kind.plural): kind for kind in reviews.KINDS}


def all_kinds() -> tuple[Kind, ...]:
    return (*registry.all_kinds(), *reviews.KINDS)


def resource(group: str, version: str, plural: str) -> Kind | None:
    """The kind served at ``/apis/{group}/{version}/.../{plural}``, or None."""
    return registry.resource(group, version, plural) or _REVIEWS.get((group, version, plural))
