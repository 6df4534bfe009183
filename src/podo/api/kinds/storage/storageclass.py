"""StorageClass (storage.k8s.io/v1): how volumes of a class are made and bound."""

from __future__ import annotations

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Column, Kind, Obj
from podo.api.meta import annotations_of
from podo.api.parts import nodelabels
from podo.api.rules import Found, check_one_of, check_text, forbidden, required
from podo.values import names

DEFAULT = "storageclass.kubernetes.io/is-default-class"
_FIXED = ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")


def _fill_in(storageclass: Obj) -> None:
    storageclass["reclaimPolicy"] = storageclass.get("reclaimPolicy") or "Delete"
    storageclass["volumeBindingMode"] = storageclass.get("volumeBindingMode") or "Immediate"


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    provisioner = new.get("provisioner") or ""
    if not provisioner:
        found.append(required("provisioner"))
    else:
        check_text("provisioner", provisioner.lower(), names.qualified_name, found)
    check_one_of("reclaimPolicy", new.get("reclaimPolicy"), ("Delete", "Retain"), found)
    check_one_of("volumeBindingMode", new.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer"), found)
    if old is not None:
        found.extend(
            forbidden(field, f"updates to {field} are forbidden.")
            for field in _FIXED
            if (new.get(field) or None) != (old.get(field) or None)
        )
    return found


def _name(storageclass: Obj, now: float) -> str:
    name = str(storageclass["metadata"].get("name", ""))
    return f"{name} (default)" if annotations_of(storageclass).get(DEFAULT) == "true" else name


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    return [
        f"allowedTopologies[{index}].matchLabelExpressions[{at}].key: {nodelabels.DEPRECATED[one['key']]}"
        for index, topology in enumerate(new.get("allowedTopologies") or ())
        for at, one in enumerate(topology.get("matchLabelExpressions") or ())
        if one.get("key") in nodelabels.DEPRECATED
    ]


STORAGECLASS = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="StorageClass",
    plural="storageclasses",
    singular="storageclass",
    short_names=("sc",),
    namespaced=False,
    fill_in=_fill_in,
    problems=_problems,
    warnings=_warnings,
    columns=(
        Column(NAME.name, _name, format="name"),
        column("Provisioner", lambda storageclass: storageclass.get("provisioner") or ""),
        column("ReclaimPolicy", lambda storageclass: storageclass.get("reclaimPolicy") or ""),
        column("VolumeBindingMode", lambda storageclass: storageclass.get("volumeBindingMode") or ""),
        column("AllowVolumeExpansion", lambda storageclass: bool(storageclass.get("allowVolumeExpansion"))),
        AGE,
    ),
)
