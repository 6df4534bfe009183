"""VolumeAttachment (storage.k8s.io/v1): the wish, and the fact, that a volume is attached to a node."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Column, Kind, Obj
from podo.api.parts.driver_name import check_driver_name
from podo.api.rules import Found, check_immutable, check_text, forbidden, required, too_long
from podo.values import names

_EXACTLY_ONE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
_ERROR_MAX = 1024


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    check_driver_name("spec.attacher", spec.get("attacher") or "", found)
    _check_source(spec.get("source") or {}, "spec.source", found)
    check_text("spec.nodeName", spec.get("nodeName") or "", names.subdomain, found)
    if old is not None:
        check_immutable("spec", spec, old.get("spec") or {}, found)
    return found


def _check_source(source: dict[str, Any], path: str, found: Found) -> None:
    name, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    if name is None and inline is None:
        found.append(required(path, _EXACTLY_ONE))
    elif name is not None and inline is not None:
        found.append(forbidden(path, _EXACTLY_ONE))
    elif name is not None:
        if name:
            check_text(f"{path}.persistentVolumeName", name, names.subdomain, found)
        else:
            found.append(required(f"{path}.persistentVolumeName", "must specify non empty persistentVolumeName"))


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    status = new.get("status") or {}
    for field in ("attachError", "detachError"):
        if len((status.get(field) or {}).get("message") or "") > _ERROR_MAX:
            found.append(too_long(f"status.{field}.message", _ERROR_MAX))
    return found


def _spec(field: str) -> Any:
    return lambda given: (given.get("spec") or {}).get(field) or ""


def _volume(given: Obj) -> str:
    source = (given.get("spec") or {}).get("source") or {}
    return source.get("persistentVolumeName") or ""


VOLUMEATTACHMENT = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="VolumeAttachment",
    plural="volumeattachments",
    singular="volumeattachment",
    namespaced=False,
    problems=_problems,
    status_problems=_status_problems,
    columns=(
        NAME,
        Column("Attacher", lambda given, now: (given.get("spec") or {}).get("attacher") or "", format="name"),
        column("PV", _volume),
        column("Node", _spec("nodeName")),
        column("Attached", lambda given: bool((given.get("status") or {}).get("attached")), "boolean"),
        AGE,
    ),
    subresources=frozenset({"status"}),
    conditional=True,
)
