"""Node (v1): a machine that runs pods."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from podo.api.columns import AGE, NAME, column, wide
from podo.api.kind import Kind, Obj
from podo.api.meta import condition_of, labels_of
from podo.api.parts.addresses import check_cidr
from podo.api.rules import Found, check_one_of, check_text, checked_quantity, duplicate, forbidden, invalid
from podo.values import names

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def _fill_in(node: Obj) -> None:
    spec = node["spec"] = node.get("spec") or {}
    if spec.get("podCIDR") and not spec.get("podCIDRs"):
        spec["podCIDRs"] = [spec["podCIDR"]]
    elif spec.get("podCIDRs") and not spec.get("podCIDR"):
        spec["podCIDR"] = spec["podCIDRs"][0]
    status = node.get("status")
    if status and status.get("capacity") and not status.get("allocatable"):
        node["status"] = {**status, "allocatable": dict(status["capacity"])}  # an update's is that of the stored node


def _problems(new: Obj, old: Obj | None) -> Found:
    spec = new.get("spec") or {}
    found: Found = []
    if old is not None:
        return status_problems(new, old) + _check_update(spec, old.get("spec") or {})
    _check_taints(spec.get("taints") or (), found)
    _check_resources(new.get("status") or {}, {}, found)
    cidrs = spec.get("podCIDRs") or []
    for index, cidr in enumerate(cidrs):
        check_cidr(f"spec.podCIDRs[{index}]", cidr, found)
    if len(cidrs) > 1:
        if {":" in cidr for cidr in cidrs} != {True, False} or len(cidrs) > 2:
            found.append(invalid("spec.podCIDRs", cidrs, "may specify no more than one CIDR for each IP family"))
        for index, cidr in enumerate(cidrs):
            if cidr in cidrs[:index]:
                found.append(duplicate(f"spec.podCIDRs[{index}]", cidr))
    return found


def status_problems(new: Obj, old: Obj | None) -> Found:
    """What a kubelet says of its node, where it says something new."""
    found: Found = []
    status, before = new.get("status") or {}, (old or {}).get("status") or {}
    _check_resources(status, before, found)
    addresses = status.get("addresses") or []
    if addresses != before.get("addresses"):
        for index, address in enumerate(addresses):
            if address in addresses[:index]:
                found.append(duplicate(f"status.addresses[{index}]", address))
    return found


def _check_resources(status: dict[str, Any], before: dict[str, Any], found: Found) -> None:
    for field in ("capacity", "allocatable"):
        amounts = status.get(field) or {}
        for name, text in amounts.items() if amounts != before.get(field) else ():
            path = f"status.{field}.{name}"
            amount = checked_quantity(path, text, found)
            if amount is not None and amount.nano < 0:
                found.append(invalid(path, text, "must be greater than or equal to 0"))


def _check_taints(taints: Any, found: Found) -> None:
    seen = set()
    for index, taint in enumerate(taints):
        path = f"metadata.taints[{index}]"  # as upstream has it
        check_text(f"{path}.key", taint.get("key") or "", names.qualified_name, found)
        if wrong := names.label_value(taint.get("value") or ""):
            found.append(invalid(f"{path}.value", taint["value"], ";".join(wrong)))
        check_one_of(f"{path}.effect", taint.get("effect"), EFFECTS, found)
        identity = (taint.get("key"), taint.get("effect"))
        if identity in seen:
            twice = duplicate(path, taint)
            found.append(replace(twice, message=f"{twice.message}: taints must be unique by key and effect pair"))
        seen.add(identity)


def _check_update(new: dict[str, Any], old: dict[str, Any]) -> Found:
    found: Found = []
    if old.get("podCIDRs") and new.get("podCIDRs") != old["podCIDRs"]:
        found.append(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'))
    if old.get("providerID") and new.get("providerID") != old["providerID"]:
        found.append(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'))
    _check_taints(new.get("taints") or (), found)
    if (new.get("externalID") or "") != (old.get("externalID") or ""):
        found.append(forbidden("spec.externalID", "may not be updated"))
    return found


def _status(node: Obj) -> str:
    ready = condition_of(node, "Ready")
    words = ["Unknown"] if ready is None else ["Ready" if ready.get("status") == "True" else "NotReady"]
    if (node.get("spec") or {}).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def roles_of(node: Obj) -> list[str]:
    """The roles that a node's labels name, sorted."""
    roles = set()
    for key, value in labels_of(node).items():
        if key.startswith(_ROLE_PREFIX) and key != _ROLE_PREFIX:
            roles.add(key.removeprefix(_ROLE_PREFIX))
        elif key == _ROLE_LABEL and value:
            roles.add(value)
    return sorted(roles)


def _address(kind: str) -> Any:
    def read(node: Obj) -> str:
        for address in (node.get("status") or {}).get("addresses") or ():
            if address.get("type") == kind:
                return address.get("address") or ""
        return "<none>"

    return read


def _info(field: str, empty: str = "<unknown>") -> Any:
    return lambda node: ((node.get("status") or {}).get("nodeInfo") or {}).get(field) or empty


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    spec = new.get("spec") or {}
    found = ["spec.configSource: the feature is removed"] if spec.get("configSource") else []
    if spec.get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    return found


NODE = Kind(
    group="",
    version="v1",
    kind="Node",
    plural="nodes",
    singular="node",
    short_names=("no",),
    namespaced=False,
    fill_in=_fill_in,
    problems=_problems,
    status_problems=status_problems,
    warnings=_warnings,
    columns=(
        NAME,
        column("Status", _status),
        column("Roles", lambda node: ",".join(roles_of(node)) or "<none>"),
        AGE,
        column("Version", _info("kubeletVersion", "")),
        wide("Internal-IP", _address("InternalIP")),
        wide("External-IP", _address("ExternalIP")),
        wide("OS-Image", _info("osImage")),
        wide("Kernel-Version", _info("kernelVersion")),
        wide("Container-Runtime", _info("containerRuntimeVersion")),
    ),
    fields={"spec.unschedulable": lambda node: "true" if (node.get("spec") or {}).get("unschedulable") else "false"},
    subresources=frozenset({"status", "proxy"}),
    status_on_create=True,
)
