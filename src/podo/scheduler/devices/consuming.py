"""Consumable capacity: how much of a device's capacities a request gets, by the device's policy.

Amounts are billionths. Source: API reference CapacityRequestPolicy; KEP-5075.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podo.scheduler.devices.pools import Device, nano


def consumption(device: Device, wanted: Mapping[str, int], used: Mapping[str, int]) -> dict[str, int] | None:
    """What an allocation takes of each capacity; None where the device cannot give it. A device for one claim alone
    must have what is wanted, and takes nothing."""
    capacities = device.spec.get("capacity") or {}
    qualified = {_plain(name, device): amount for name, amount in wanted.items()}
    if not qualified.keys() <= {_plain(name, device) for name in capacities}:
        return None
    taken: dict[str, int] = {}
    for name, capacity in capacities.items():
        amount = granted(capacity, qualified.get(_plain(name, device)))
        if amount is None or amount + (used.get(name, 0) if device.shared else 0) > nano(capacity["value"]):
            return None
        if device.shared:
            taken[name] = amount
    return taken


def granted(capacity: Mapping[str, Any], wanted: int | None) -> int | None:
    """The amount that a request for ``wanted`` is given: rounded up to what the policy allows; None where that is
    too much."""
    policy = capacity.get("requestPolicy") or {}
    if wanted is None:
        return nano(policy["default"]) if policy.get("default") is not None else nano(capacity["value"])
    if values := policy.get("validValues"):
        return min((nano(each) for each in values if nano(each) >= wanted), default=None)
    if bounds := policy.get("validRange"):
        least = nano(bounds["min"])
        amount = max(wanted, least)
        if step := nano(bounds["step"]) if bounds.get("step") is not None else 0:
            amount = least + -(-(amount - least) // step) * step
        return None if bounds.get("max") is not None and amount > nano(bounds["max"]) else amount
    return wanted


def _plain(name: str, device: Device) -> str:
    """A name of the driver's own domain may leave the domain out."""
    return name.removeprefix(f"{device.id[0]}/")
