"""IPAddress (networking.k8s.io/v1): an address in use, named after itself, and what it belongs to.

Those of Services are the API server's own, one for each cluster IP (KEP-1880): ``of_service`` makes them.
"""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.rules import Found, check_immutable, check_text, invalid, required
from podo.values import names, net

FAMILY_LABEL, MANAGED_BY_LABEL = "ipaddress.kubernetes.io/ip-family", "ipaddress.kubernetes.io/managed-by"
#: Who manages the addresses of Services.
ALLOCATOR = "ipallocator.k8s.io"


def of_service(address: str, namespace: str, name: str) -> Obj:
    """The address of a Service, as it is created. ``address`` in its canonical form."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": address, "labels": labels_of_allocated(address)},
        "spec": {"parentRef": {"resource": "services", "namespace": namespace, "name": name}},
    }


def labels_of_allocated(address: str) -> dict[str, str]:
    return {FAMILY_LABEL: net.family(address), MANAGED_BY_LABEL: ALLOCATOR}


def is_allocated(given: Obj) -> bool:
    """Is it the API server's own, for a Service?"""
    return (given["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == ALLOCATOR


def service_of(given: Obj) -> tuple[str, str] | None:
    """Namespace and name of the Service that it belongs to; None where it belongs to something else."""
    parent = (given.get("spec") or {}).get("parentRef") or {}
    if parent.get("group") or parent.get("resource") != "services":
        return None
    return parent.get("namespace") or "", parent.get("name") or ""


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
