"""Labels of nodes: where a node is; those that are deprecated, and what a client is told that still selects by one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podo.values import names

REGION = "topology.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"
_TOPOLOGY = 'deprecated since v1.17; use "topology.kubernetes.io/{0}" instead'
DEPRECATED = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": _TOPOLOGY.format("region"),
    "failure-domain.beta.kubernetes.io/zone": _TOPOLOGY.format("zone"),
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}


def of_keys(keys: Iterable[str], path: str) -> list[str]:
    """For labels as keys of a map: ``path[key]: …``."""
    return [f"{path}[{key}]: {DEPRECATED[key]}" for key in keys if key in DEPRECATED]


def of_key(key: str | None, path: str) -> list[str]:
    return [f"{path}: {key} is {DEPRECATED[key]}"] if key in DEPRECATED else []


def of_expressions(expressions: Iterable[dict[str, Any]], path: str, check_values: bool = False) -> list[str]:
    """``check_values``: a node that a preferred term selects may have any label, but none with such a value."""
    found: list[str] = []
    for index, expression in enumerate(expressions):
        found += of_key(expression.get("key"), f"{path}[{index}].key")
        for at, value in enumerate(expression.get("values") or () if check_values else ()):
            found += [f"{path}[{index}].values[{at}]: {value} is invalid, {why}" for why in names.label_value(value)]
    return found
