"""Slices, classes and claims for tests, in short."""

from __future__ import annotations

from typing import Any

from podo.scheduler.devices.allocator import Chosen
from podo.scheduler.devices.asking import read
from podo.scheduler.devices.ledger import Devices
from podo.scheduler.devices.verdicts import choose
from podo.scheduler.noderows import NodeInfo

DRIVER = "gpu.example.com"
API = "resource.k8s.io/v1"
NODE = NodeInfo("n1", {"zone": "a"}, (), False, {})


def device(name: str, capacity: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """``attributes``: plain values, typed by what they are."""
    attributes = fields.pop("attributes", {})
    typed = {key: {_kind(value): value} for key, value in attributes.items()}
    sizes = {key: value if isinstance(value, dict) else {"value": value} for key, value in (capacity or {}).items()}
    return {"name": name, "attributes": typed, "capacity": sizes, **fields}


def _kind(value: Any) -> str:
    return "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "string"


def piece(name: str, *devices: dict[str, Any], pool: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A ResourceSlice of node n1, unless it says otherwise."""
    place = {} if {"nodeSelector", "allNodes", "perDeviceNodeSelection"} & spec.keys() else {"nodeName": "n1"}
    whole = {"name": "pool", "generation": 1, "resourceSliceCount": 1, **(pool or {})}
    body = {"driver": DRIVER, "pool": whole, "devices": list(devices), **place, **spec}
    return {"apiVersion": API, "kind": "ResourceSlice", "metadata": {"name": name}, "spec": body}


def device_class(name: str = "gpu", *expressions: str, **spec: Any) -> dict[str, Any]:
    selectors = [{"cel": {"expression": each}} for each in expressions or (f'device.driver == "{DRIVER}"',)]
    body = {"selectors": selectors, **spec}
    return {"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": name}, "spec": body}


def exactly(name: str = "r", *expressions: str, **asked: Any) -> dict[str, Any]:
    return {"name": name, "exactly": alternative("", *expressions, **asked)}


def alternative(name: str, *expressions: str, **asked: Any) -> dict[str, Any]:
    found = {"deviceClassName": "gpu", "allocationMode": "ExactCount", **asked}
    if found["allocationMode"] == "ExactCount":
        found.setdefault("count", 1)
    if expressions:
        found["selectors"] = [{"cel": {"expression": each}} for each in expressions]
    return {**({"name": name} if name else {}), **found}


def claim(name: str, *requests: dict[str, Any], **devices: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
    spec = {"devices": {"requests": list(requests), **devices}}
    return {"apiVersion": API, "kind": "ResourceClaim", "metadata": metadata, "spec": spec}


def having(*objects: dict[str, Any]) -> Devices:
    """A ledger that knows these."""
    devices = Devices()
    for obj in objects:
        if obj["kind"] == "ResourceClaim":
            devices.set_claim(("default", obj["metadata"]["name"]), obj)
        else:
            devices.set(obj["kind"], obj["metadata"]["name"], obj)
    return devices


def allocated(devices: Devices, *claims: dict[str, Any]) -> list[list[Chosen]] | None:
    return choose(devices, [read(each, devices.classes) for each in claims], NODE)


def names(found: list[list[Chosen]] | None) -> list[list[str]] | None:
    """``request=device`` for each claim."""
    return None if found is None else [[f"{one.ask.name}={one.device.id[2]}" for one in each] for each in found]
