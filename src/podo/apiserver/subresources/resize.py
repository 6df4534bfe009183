"""pods/resize: changes what the containers of a pod may use while they run; the node then does it, or says in the pod's
conditions why not. Source: "Resize CPU and Memory Resources assigned to Containers" of the documentation, KEP-1287.
"""

from __future__ import annotations

from podo.api.errors import invalid
from podo.api.kind import Kind, Obj
from podo.api.meta import annotations_of
from podo.api.parts.pod_annotations import MIRROR
from podo.api.parts.podspec_rules import check_pod_spec
from podo.api.parts.resize_rules import LISTS, check_resize
from podo.api.rules import Found, forbidden
from podo.apiserver.subresources.part import keep_all_but

_TAKEN = ("resources", "resizePolicy")


def keep_others(new: Obj, old: Obj) -> None:
    """Of the pod that was sent, only what it and its containers may use counts. Where it has others, or in another
    order, they stay as they were sent: the check tells of them."""
    sent = new.get("spec") or {}
    lists = {field: _merged(sent.get(field) or [], old["spec"].get(field) or []) or None for field in LISTS}
    keep_all_but(new, old, {**lists, "resources": sent.get("resources")})


def _merged(sent: list[Obj], stored: list[Obj]) -> list[Obj]:
    if [one.get("name") for one in sent] != [one["name"] for one in stored]:
        return sent
    merged = [{**one, **{name: other.get(name) for name in _TAKEN}} for one, other in zip(stored, sent, strict=True)]
    return [{name: value for name, value in one.items() if value is not None} for one in merged]


def check(kind: Kind, new: Obj, old: Obj) -> None:
    """Raises Invalid with all that is wrong with a resize."""
    found: Found = []
    if MIRROR in annotations_of(old):
        found.append(forbidden("", "static pods cannot be resized"))
    elif (old["spec"].get("os") or {}).get("name") == "windows":
        found.append(forbidden("", "windows pods cannot be resized"))
    else:
        check_pod_spec(new["spec"], "spec", found, new["metadata"]["name"])
        check_resize(new, old, found)
    if found:
        raise invalid(kind, new["metadata"]["name"], found)
