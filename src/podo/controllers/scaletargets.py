"""What has a number of replicas: built-in kinds with a scale subresource, and custom kinds whose definition has one."""

from __future__ import annotations

from typing import NamedTuple

from podo.api import registry
from podo.api.kind import Obj, ScalePaths
from podo.api.kinds.autoscaling.scale import scale_of
from podo.api.meta import labels_of, namespace_of
from podo.controllers import everykind
from podo.reconcile.declare import View
from podo.values.selector import parse

DEFINITION = "CustomResourceDefinition"


class NotScaled(Exception):
    """A kind is not served, or its objects have no number of replicas. ``str()`` says which of these."""


class NotThere(NotScaled):
    """The kind has a number of replicas, but there is no object of the name."""


class Target(NamedTuple):
    obj: Obj
    paths: ScalePaths

    @property
    def scale(self) -> Obj:
        return scale_of(self.obj, self.paths)


def target(reference: Obj, namespace: str, view: View) -> Target:
    """What a reference (apiVersion, kind, name) means. Raises NotScaled, NotThere."""
    group = str(reference.get("apiVersion") or "").rpartition("/")[0]
    kind = _named(group, reference["kind"], view)
    if kind is None:
        raise NotScaled(f'no matches for kind "{reference["kind"]}" in group "{group}"')
    found = view.get(kind, reference["name"], namespace)
    paths = _of_custom(kind, view) if view.is_custom(kind) else registry.named(kind).scale
    resource = everykind.resource(kind, view.list(DEFINITION))
    if paths is None:
        raise NotScaled(f"{resource} does not implement the scale subresource")
    if found is None:
        raise NotThere(f'{resource} "{reference["name"]}" not found')
    return Target(found, paths)


def _named(group: str, kind: str, view: View) -> str | None:
    """As the cache names kinds; None for one that is not served."""
    for known in registry.all_kinds():
        if (known.group, known.kind) == (group, kind):
            return everykind.name_for(known)
    custom = f"{group}/{kind}"
    return custom if view.is_custom(custom) else None


def _of_custom(kind: str, view: View) -> ScalePaths | None:
    for definition in view.list(DEFINITION):
        spec = definition["spec"]
        if f"{spec['group']}/{spec['names']['kind']}" == kind:
            stored = next(version for version in spec["versions"] if version.get("storage"))
            scale = (stored.get("subresources") or {}).get("scale")
            return _paths(scale) if scale else None
    return None


def _paths(scale: Obj) -> ScalePaths:
    names = ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")
    return ScalePaths(*(str(scale.get(name) or "").lstrip(".") for name in names))


def pods_of(found: Target, view: View) -> list[Obj]:
    """The pods that its selector matches; none where it has none."""
    obj, text = found.obj, found.scale["status"].get("selector")
    if not text:
        return []
    plain = (obj.get("spec") or {}).get("selector")
    if found.paths.selector == "spec.selector" and isinstance(plain, dict):
        return view.selected("Pod", namespace_of(obj), plain)
    matches = parse(text).matches
    return [pod for pod in view.list("Pod", namespace_of(obj)) if matches(labels_of(pod))]
