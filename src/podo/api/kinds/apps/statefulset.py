"""StatefulSet (apps/v1): numbered pods, each with a name and storage of its own."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, TEMPLATE_COLUMNS, column
from podo.api.kind import Kind, Obj, ScalePaths
from podo.api.kinds.core.persistentvolumeclaim import fill_in_claim
from podo.api.kinds.core.persistentvolumeclaim_rules import check_claim_spec
from podo.api.parts import pod_warnings
from podo.api.parts.podtemplate import fill_in_template
from podo.api.parts.replicas import (
    check_available,
    check_collisions,
    check_pods,
    check_selector,
    check_status_numbers,
)
from podo.api.parts.rolling import check_not_more_than_all, check_share, is_zero
from podo.api.parts.volume_warnings import claim_warnings
from podo.api.rules import Found, check_not_negative, check_one_of, check_text, forbidden, invalid
from podo.values import names

_FREE = (
    *("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit"),
    *("persistentVolumeClaimRetentionPolicy", "minReadySeconds"),
)
_FIXED = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_RETENTION = ("Retain", "Delete")
_MANAGEMENT = ("OrderedReady", "Parallel")
_STRATEGIES = ("RollingUpdate", "OnDelete")


def _fill_in(statefulset: Obj) -> None:
    spec = statefulset["spec"] = statefulset.get("spec") or {}
    spec["podManagementPolicy"] = spec.get("podManagementPolicy") or "OrderedReady"
    strategy = spec["updateStrategy"] = spec.get("updateStrategy") or {}
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy["rollingUpdate"] = strategy.get("rollingUpdate") or {}
        if rolling.get("partition") is None:
            rolling["partition"] = 0
    retention = spec["persistentVolumeClaimRetentionPolicy"] = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for field in ("whenDeleted", "whenScaled"):
        retention[field] = retention.get(field) or "Retain"
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    if spec.get("revisionHistoryLimit") is None:
        spec["revisionHistoryLimit"] = 10
    for claim in spec.get("volumeClaimTemplates") or ():
        claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"
        fill_in_claim(claim)
        claim["status"] = {"phase": "Pending"}
    fill_in_template(statefulset)


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    spec = new.get("spec") or {}
    _check_policies(spec, found)
    if old is None:
        for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
            check_claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec", found)
    for field in ("replicas", "minReadySeconds"):
        check_not_negative(f"spec.{field}", spec.get(field), found)
    check_not_negative("spec.ordinals.start", (spec.get("ordinals") or {}).get("start"), found)
    if old is None and (service := spec.get("serviceName")):
        check_text("spec.serviceName", service, names.label, found)
    check_selector(spec, "statefulset", found)
    check_pods(_with_claims(spec), "StatefulSet", found)
    if old is not None and _fixed(new) != _fixed(old):
        found.append(forbidden("spec", _FIXED))
    return found


def _check_policies(spec: dict[str, Any], found: Found) -> None:
    policy = spec.get("podManagementPolicy")
    if policy not in _MANAGEMENT:
        found.append(invalid("spec.podManagementPolicy", policy, _either(_MANAGEMENT)))
    _check_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy", found)
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for field in ("whenDeleted", "whenScaled"):
        path = f"spec.persistentVolumeClaimRetentionPolicy.{field}"
        check_one_of(path, retention.get(field), _RETENTION, found)


def _either(words: tuple[str, str]) -> str:
    return f"must be '{words[0]}' or '{words[1]}'"


def _with_claims(spec: dict[str, Any]) -> dict[str, Any]:
    """With the volumes that its pods get by the claim templates: containers may mount these."""
    claimed = [(claim.get("metadata") or {}).get("name") for claim in spec.get("volumeClaimTemplates") or ()]
    template = spec.get("template") or {}
    pod = template.get("spec") or {}
    volumes = pod.get("volumes") or []
    present = {volume.get("name") for volume in volumes}
    more = [{"name": n, "persistentVolumeClaim": {"claimName": n}} for n in claimed if n and n not in present]
    if not more:
        return spec
    return {**spec, "template": {**template, "spec": {**pod, "volumes": [*volumes, *more]}}}


def _fixed(statefulset: Obj) -> dict[str, Any]:
    return {field: value for field, value in statefulset["spec"].items() if field not in _FREE and value}


def _check_strategy(strategy: dict[str, Any], path: str, found: Found) -> None:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind not in _STRATEGIES:
        found.append(invalid(path, strategy, _either(_STRATEGIES)))
    elif kind == "OnDelete":
        if rolling is not None:
            found.append(invalid(f"{path}.rollingUpdate", rolling, "only allowed for updateStrategy 'RollingUpdate'"))
    elif rolling is not None:
        check_not_negative(f"{path}.rollingUpdate.partition", rolling.get("partition"), found)
        unavailable, where = rolling.get("maxUnavailable"), f"{path}.rollingUpdate.maxUnavailable"
        check_share(where, unavailable, found)
        if unavailable is not None and is_zero(unavailable):
            found.append(invalid(where, unavailable, "cannot be 0"))
        check_not_more_than_all(where, unavailable, found)


def _status_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    parts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    check_status_numbers(new, parts, ("observedGeneration", "collisionCount"), found)
    check_available(new, "status.readyReplicas", found)
    check_collisions(new, old, found)
    return found


def _ready(statefulset: Obj) -> str:
    return f"{(statefulset.get('status') or {}).get('readyReplicas') or 0}/{statefulset['spec'].get('replicas') or 0}"


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    found = pod_warnings.of_template(new, old)
    for index, template in enumerate(new["spec"].get("volumeClaimTemplates") or ()):
        path = f"spec.volumeClaimTemplates[{index}]{'.Spec' if old is not None else ''}"  # as upstream has it
        found += claim_warnings(template.get("spec") or {}, path)
    if (new["spec"].get("revisionHistoryLimit") or 0) < 0:
        what = "a negative value retains all historical revisions; a value >= 0 is recommended"
        found.append(f"spec.revisionHistoryLimit: {what}")
    return found


STATEFULSET = Kind(
    group="apps",
    version="v1",
    kind="StatefulSet",
    plural="statefulsets",
    singular="statefulset",
    short_names=("sts",),
    categories=("all",),
    fill_in=_fill_in,
    problems=_problems,
    warnings=_warnings,
    status_problems=_status_problems,
    columns=(NAME, column("Ready", _ready), AGE, *TEMPLATE_COLUMNS[:2]),
    subresources=frozenset({"status", "scale"}),
    scale=ScalePaths(),
    name_rule="label",
    generation=True,
)
