"""IPAddress (networking.k8s.io/v1): an address in use, named after itself, and what it belongs to."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.rules import Found, check_immutable, check_text, invalid, required
from podo.values import names, net


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    name = new["metadata"].get("name") or ""
    found.extend(invalid("metadata.name", name, message) for message in _name_messages(name))
    parent = (new.get("spec") or {}).get("parentRef")
    if parent is None:
        found.append(required("spec.parentRef"))
        return found
    if group := parent.get("group"):
        check_text("spec.parentRef.group", group, names.subdomain, found)
    for field in ("resource", "name"):
        if text := parent.get(field):
            check_text(f"spec.parentRef.{field}", text, names.path_segment, found)
        else:
            found.append(required(f"spec.parentRef.{field}"))
    if namespace := parent.get("namespace"):
        check_text("spec.parentRef.namespace", namespace, names.path_segment, found)
    if old is not None:
        check_immutable("spec.parentRef", parent, (old.get("spec") or {}).get("parentRef"), found)
    return found


def _name_messages(name: str) -> list[str]:
    if not name:
        return []  # said by the rules of metadata
    try:
        canonical = str(net.address(name))
    except ValueError as problem:
        return [str(problem)]
    return [] if canonical == name else [f'must be in canonical form ("{canonical}")']


def _parent(given: Obj) -> str:
    parent = (given.get("spec") or {}).get("parentRef")
    if not parent:
        return "<none>"
    resource = ".".join(filter(None, (parent.get("resource"), parent.get("group")))).lower()
    return "/".join(filter(None, (resource, parent.get("namespace"), parent.get("name"))))


IPADDRESS = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="IPAddress",
    plural="ipaddresses",
    singular="ipaddress",
    short_names=("ip",),
    namespaced=False,
    name_rule="path",
    problems=_problems,
    columns=(NAME, column("ParentRef", _parent), AGE),
)
