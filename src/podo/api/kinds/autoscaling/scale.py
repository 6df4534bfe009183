"""Scale (autoscaling/v1): the body of the ``scale`` subresource, read from and written to kinds with replicas."""

from __future__ import annotations

from typing import Any

from podo.api.columns import AGE, column, selector_text
from podo.api.kind import Kind, Obj, ScalePaths
from podo.values.selector import from_map

SCALE = Kind(
    group="autoscaling",
    version="v1",
    kind="Scale",
    plural="scales",
    singular="scale",
    verbs=("get", "patch", "update"),
    columns=(
        column("Name", lambda scale: scale["metadata"].get("name") or ""),
        column("Desired", lambda scale: scale["spec"]["replicas"], "integer"),
        column("Available", lambda scale: scale["status"]["replicas"], "integer"),
        AGE,
    ),
)

_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(obj: Obj, paths: ScalePaths) -> Obj:
    """The Scale of an object: ``spec.replicas`` wanted, ``status.replicas`` seen, ``status.selector`` as text."""
    status: dict[str, Any] = {"replicas": _read(obj, paths.status_replicas) or 0}
    selector = _selector(_read(obj, paths.selector))
    if selector:
        status["selector"] = selector
    metadata = {field: obj["metadata"][field] for field in _METADATA if field in obj["metadata"]}
    spec = {"replicas": _read(obj, paths.spec_replicas) or 0}
    return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": spec, "status": status}


def set_scale(obj: Obj, scale: Obj, paths: ScalePaths) -> None:
    """Writes the wanted replicas of ``scale`` into ``obj``, in place. An absent number means 0, as upstream."""
    *parents, last = paths.spec_replicas.split(".")
    target = obj
    for parent in parents:
        target = target.setdefault(parent, {})
    target[last] = (scale.get("spec") or {}).get("replicas", 0)


def has_replicas(obj: Obj, paths: ScalePaths) -> bool:
    """Does the object say how many are wanted? A custom resource need not."""
    return _read(obj, paths.spec_replicas) is not None


def _selector(selector: Any) -> str:
    if isinstance(selector, str):
        return selector  # a custom resource has it as text
    if isinstance(selector, dict) and not selector.keys() & {"matchLabels", "matchExpressions"}:
        return str(from_map(selector))  # a ReplicationController's is a plain map
    return selector_text(selector)


def _read(obj: Obj, path: str) -> Any:
    value: Any = obj
    for field in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(field)
    return value
