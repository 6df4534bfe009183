"""Whether an object may be stored: the rules of its metadata and of its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from podo.api.errors import invalid
from podo.api.kind import Kind, Obj, Problem
from podo.api.kinds.certificates.certificatesigningrequest import approval_problems
from podo.api.metadata_rules import STANDARD_FINALIZERS, check_metadata, check_metadata_update, problems_of
from podo.api.rules import Found
from podo.apiserver.call import Call


async def at_length(check: Callable[..., None], *about: Any) -> None:
    """``check(*about)`` for a kind with ``long_rules``: others on the event loop have their turn now and then."""
    from podo.runtime.slices import in_slices

    await in_slices(partial(check, *about))


def check_new(kind: Kind, obj: Obj) -> None:
    """Raises Invalid with all that is wrong with a new object."""
    problems = problems_of(kind, obj, None)
    if problems:
        raise invalid(kind, obj["metadata"].get("name") or "", problems)


def check_update(kind: Kind, new: Obj, old: Obj) -> None:
    """Raises Invalid with all that is wrong with a change of the main resource."""
    problems = problems_of(kind, new, old)
    if problems:
        raise invalid(kind, new["metadata"]["name"], problems)


def check_status(kind: Kind, new: Obj, old: Obj) -> None:
    """Raises Invalid with all that is wrong with a change of the status."""
    _check_subresource(kind, new, old, kind.status_problems)


def check_approval(kind: Kind, new: Obj, old: Obj) -> None:
    """Likewise of a change of the approval, which only CertificateSigningRequests have."""
    _check_subresource(kind, new, old, approval_problems)


def _check_subresource(kind: Kind, new: Obj, old: Obj, rules: Callable[[Obj, Obj], Iterable[Problem]]) -> None:
    problems: Found = []
    check_metadata(kind, new["metadata"], problems)
    check_metadata_update(new["metadata"], old["metadata"], problems)
    problems.extend(rules(new, old))
    if problems:
        raise invalid(kind, new["metadata"]["name"], problems)


def tell_of_finalizers(call: Call, new: Obj, old: Obj | None) -> None:
    """Of a custom resource any word may be a finalizer; one that others might use as well is warned of when it comes.
    Once a request, though an update may be worked out several times."""
    before = (old["metadata"].get("finalizers") if old is not None else None) or ()
    for name in new["metadata"].get("finalizers") or ():
        if "/" in name or name in STANDARD_FINALIZERS or name in before:
            continue
        why = "prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other"
        text = f'metadata.finalizers: "{name}": {why} finalizer writers'
        if text not in call.warnings:
            call.warnings.append(text)


def check_nothing(kind: Kind, new: Obj, old: Obj) -> None:
    """For writes whose form allows nothing that could be wrong."""
