"""CSIDriver (storage.k8s.io/v1): how the cluster treats the volumes of one CSI driver."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.parts.driver_name import check_driver_name
from podo.api.rules import Found, check_immutable, duplicate, invalid, not_supported, required

_DEFAULTS = {
    "attachRequired": True,
    "podInfoOnMount": False,
    "storageCapacity": False,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "requiresRepublish": False,
    "seLinuxMount": False,
}
_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_MODES = ("Persistent", "Ephemeral")
_TOKEN_SECONDS_MIN, _TOKEN_SECONDS_MAX = 600, 1 << 32
_UPDATE_SECONDS_MIN = 10


def _fill_in(driver: Obj) -> None:
    spec = driver["spec"] = driver.get("spec") or {}
    for field, value in _DEFAULTS.items():
        if spec.get(field) is None:
            spec[field] = value
    spec["volumeLifecycleModes"] = spec.get("volumeLifecycleModes") or ["Persistent"]


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    check_driver_name("metadata.name", new["metadata"].get("name") or "", found)
    spec = new.get("spec") or {}
    # The first path has upstream's spelling, here and below.
    for field in ("attachRequired", "podInfoOnMount", "storageCapacity"):
        if spec.get(field) is None:
            found.append(required(f"spec.{'attachedRequired' if field == 'attachRequired' else field}"))
    if spec.get("fsGroupPolicy") not in _GROUP_POLICIES:
        found.append(not_supported("spec.fsGroupPolicy", spec.get("fsGroupPolicy") or "", _GROUP_POLICIES))
    _check_tokens(spec.get("tokenRequests") or [], found)
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in _MODES:
            found.append(not_supported("spec.volumeLifecycleModes", mode, _MODES))
    _check_period(spec.get("nodeAllocatableUpdatePeriodSeconds"), found)
    if old is not None:
        before = old.get("spec") or {}
        check_immutable("spec.attachedRequired", spec.get("attachRequired"), before.get("attachRequired"), found)
        modes = "volumeLifecycleModes"
        check_immutable(f"spec.{modes}", spec.get(modes), before.get(modes), found)
    return found


def _check_tokens(requests: list[dict[str, Any]], found: Found) -> None:
    seen: set[str] = set()
    for index, request in enumerate(requests):
        path = f"spec.tokenRequests[{index}]"
        audience, seconds = request.get("audience") or "", request.get("expirationSeconds")
        if audience in seen:
            found.append(duplicate(f"{path}.audience", audience))
            continue
        seen.add(audience)
        if seconds is None:
            continue
        if seconds < _TOKEN_SECONDS_MIN:
            why = "may not specify a duration less than 10 minutes"
            found.append(invalid(f"{path}.expirationSeconds", seconds, why))
        elif seconds > _TOKEN_SECONDS_MAX:
            why = "may not specify a duration larger than 2^32 seconds"
            found.append(invalid(f"{path}.expirationSeconds", seconds, why))


def _check_period(seconds: Any, found: Found) -> None:
    if seconds is not None and seconds < _UPDATE_SECONDS_MIN:
        path = "spec.nodeAllocatableUpdatePeriodSeconds"
        found.append(invalid(path, seconds, f"must be greater than or equal to {_UPDATE_SECONDS_MIN} seconds"))


def _flag(field: str) -> Any:
    return lambda driver: bool((driver.get("spec") or {}).get(field))


def _audiences(driver: Obj) -> str:
    requests = (driver.get("spec") or {}).get("tokenRequests") or ()
    return ",".join(request.get("audience") or "" for request in requests) or "<unset>"


CSIDRIVER = Kind(
    group="storage.k8s.io",
    version="v1",
    kind="CSIDriver",
    plural="csidrivers",
    singular="csidriver",
    namespaced=False,
    fill_in=_fill_in,
    problems=_problems,
    columns=(
        NAME,
        column("AttachRequired", _flag("attachRequired"), "boolean"),
        column("PodInfoOnMount", _flag("podInfoOnMount"), "boolean"),
        column("StorageCapacity", _flag("storageCapacity"), "boolean"),
        column("TokenRequests", _audiences),
        column("RequiresRepublish", _flag("requiresRepublish"), "boolean"),
        column(
            "Modes", lambda driver: ",".join((driver.get("spec") or {}).get("volumeLifecycleModes") or ()) or "<none>"
        ),
        AGE,
    ),
    generation=True,
    conditional=True,
)
