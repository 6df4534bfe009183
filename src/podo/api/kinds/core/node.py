"""Node (v1): a machine that runs pods."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, NAME, column, wide
from podo.api.kind import Kind, Obj
from podo.api.meta import condition_of, labels_of
from podo.api.parts.addresses import check_cidr
from podo.api.rules import Found, check_one_of, check_text, duplicate, forbidden
from podo.values import names

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"
EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")


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
    found: Found = []
    spec = new.get("spec") or {}
    _check_taints(spec.get("taints") or (), found)
    for index, cidr in enumerate(spec.get("podCIDRs") or ()):
        check_cidr(f"spec.podCIDRs[{index}]", cidr, found)
    if old is not None:
        _check_update(spec, old.get("spec") or {}, found)
    return found


def _check_taints(taints: Any, found: Found) -> None:
    seen = set()
    for index, taint in enumerate(taints):
        path = f"spec.taints[{index}]"
        check_text(f"{path}.key", taint.get("key", ""), names.qualified_name, found)
        check_text(f"{path}.value", taint.get("value") or "", names.label_value, found)
        check_one_of(f"{path}.effect", taint.get("effect"), EFFECTS, found)
        identity = (taint.get("key"), taint.get("effect"))
        if identity in seen:
            problem = duplicate(path, taint)
            found.append(problem)
        seen.add(identity)


def _check_update(new: dict[str, Any], old: dict[str, Any], found: Found) -> None:
    if old.get("podCIDRs") and new.get("podCIDRs") != old["podCIDRs"]:
        found.append(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'))
    if old.get("providerID") and new.get("providerID") != old["providerID"]:
        found.append(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'))


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
