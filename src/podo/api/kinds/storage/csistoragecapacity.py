"""CSIStorageCapacity (storage.k8s.io/v1): how much a CSI driver can still provide in a part of the cluster."""

from __future__ import annotations

from typing import Any

from podo.api.columns import NAME, column
from podo.api.kind import Kind, Obj
from podo.api.parts import nodelabels
from podo.api.parts.labelselector import check_label_selector
from podo.api.rules import Found, check_immutable, check_text, checked_quantity, invalid, required
from podo.values import names

_FIXED = ("nodeTopology", "storageClassName")


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    if topology := new.get("nodeTopology"):
        check_label_selector(topology, "nodeTopology", found)
    if name := new.get("storageClassName"):
        check_text("storageClassName", name, names.subdomain, found)
    else:
        found.append(required("storageClassName"))
    for field in ("capacity", "maximumVolumeSize"):
        _check_amount(field, new.get(field), found)
    if old is not None:
        for field in _FIXED:
            check_immutable(field, new.get(field), old.get(field), found)
    return found


def _check_amount(path: str, amount: Any, found: Found) -> None:
    if amount is None:
        return
    value = checked_quantity(path, amount, found)
    if value is not None and value.nano < 0:
        found.append(invalid(path, str(value), "must be greater than or equal to 0"))


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    topology = new.get("nodeTopology") or {}
    found = nodelabels.of_expressions(topology.get("matchExpressions") or (), "nodeTopology.matchExpressions")
    labels = [key for key in topology.get("matchLabels") or () if key in nodelabels.DEPRECATED]
    return found + [f"nodeTopology.matchLabels.{key}: {nodelabels.DEPRECATED[key]}" for key in labels]


CSISTORAGECAPACITY = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="CSIStorageCapacity",
    plural="csistoragecapacities",
    singular="csistoragecapacity",
    problems=_problems,
    warnings=_warnings,
    columns=(
        NAME,
        column("StorageClassName", lambda given: given.get("storageClassName") or ""),
        column("Capacity", lambda given: str(given.get("capacity") or "<unset>")),
    ),
)
