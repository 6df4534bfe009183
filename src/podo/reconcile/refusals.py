"""What cannot be made where a namespace is being deleted: known before it is tried, and by the API's refusal."""

from __future__ import annotations

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import is_deleting, namespace_of
from podo.reconcile.declare import View


def in_going_namespace(obj: Obj, view: View) -> bool:
    """Is the namespace of ``obj`` being deleted? Nothing can be made in it any more."""
    namespace = view.get("Namespace", namespace_of(obj))
    return namespace is not None and is_deleting(namespace)


def of_going_namespace(error: Exception) -> bool:
    """Was something not made because its namespace is being deleted? Of that nobody has to be told, and it is not
    tried again."""
    details = error.details if isinstance(error, ApiError) else None
    causes = (details or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
