"""pods/resize: changes what the containers of a pod may use while they run; the node then does it, or says in the pod's
conditions why not. Source: "Resize CPU and Memory Resources assigned to Containers" of the documentation, KEP-1287.
"""

from __future__ import annotations

from typing import Any

from podo.api.errors import invalid
from podo.api.kind import Kind, Obj
from podo.api.meta import annotations_of
from podo.api.parts.podspec_rules import check_pod_spec
from podo.api.parts.resize_rules import check_resize, resizable
from podo.api.rules import Found, forbidden
from podo.apiserver.subresources.part import MIRROR, keep_all_but

_TAKEN = ("resources", "resizePolicy")


def keep_others(new: Obj, old: Obj) -> None:
    """Of the pod that was sent, only what containers of these names may use counts."""
    wanted = {(field, each.get("name")): each for field, _, each in resizable(new.get("spec") or {})}
    lists: dict[str, Any] = {}
    for field, index, container in resizable(old["spec"]):
        if sent := wanted.get((field, container["name"])):
            merged = {**container, **{name: sent.get(name) for name in _TAKEN}}
            if field not in lists:
                lists[field] = list(old["spec"][field])
            lists[field][index] = {name: value for name, value in merged.items() if value is not None}
    keep_all_but(new, old, lists)


def check(kind: Kind, new: Obj, old: Obj) -> None:
    """Raises Invalid with all that is wrong with a resize."""
    found: Found = []
    if MIRROR in annotations_of(old):
        found.append(forbidden("", "static pods cannot be resized"))
    elif (old["spec"].get("os") or {}).get("name") == "windows":
        found.append(forbidden("", "windows pods cannot be resized"))
    else:
        check_pod_spec(new["spec"], "spec", found)
        check_resize(new, old, found)
    if found:
        raise invalid(kind, new["metadata"]["name"], found)
