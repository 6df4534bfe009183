"""LimitRanger: containers get the default requests and limits of their namespace, and pods, containers and claims
outside of its limits are refused.

Source: "Limit Ranges" of the Kubernetes documentation; API reference LimitRange.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from podo.admission.innamespace import objects_in
from podo.admission.request import AdmissionRequest, Plugin, creates_pod, is_core
from podo.api.errors import forbidden
from podo.api.kind import Kind, Obj
from podo.api.kinds.core.limitrange import CLAIM, CONTAINER, LIMITRANGE, POD
from podo.api.parts.podamounts import Amounts, amounts_of, pod_amounts
from podo.values.quantity import Quantity

_PREFIX = LIMITRANGE.prefix
ANNOTATION = "kubernetes.io/limit-ranger"
_LISTS = (("containers", "container"), ("initContainers", "init container"))
#: One rule: ``(type, resource, enforced, requests, limits)`` to what is wrong, or "".
Rule = Callable[[str, str, Quantity, Amounts, Amounts], str]


def _handles(kind: Kind, operation: str, subresource: str) -> bool:
    if subresource:
        return subresource == "resize" and operation == "UPDATE" and is_core(kind, "pods")
    return creates_pod(kind, operation, "") or (
        is_core(kind, "persistentvolumeclaims") and operation in ("CREATE", "UPDATE")
    )


async def set_defaults(request: AdmissionRequest) -> None:
    for limits in await objects_in(request.store, _PREFIX, request.namespace):
        if request.object is not None:
            _set_defaults(request.object, _items(limits, CONTAINER))


def _items(limits: Obj, type_: str) -> list[dict[str, Any]]:
    return [item for item in (limits.get("spec") or {}).get("limits") or () if item.get("type") == type_]


def _set_defaults(pod: Obj, items: list[dict[str, Any]]) -> None:
    limits = {name: amount for item in items for name, amount in (item.get("default") or {}).items()}
    requests = {name: amount for item in items for name, amount in (item.get("defaultRequest") or {}).items()}
    spec = pod.get("spec") or {}
    said = [
        text
        for field, what in _LISTS
        for container in spec.get(field) or ()
        for text in _complete(container, what, requests, limits)
    ]
    if said:
        annotations = pod["metadata"].get("annotations") or {}
        pod["metadata"]["annotations"] = {**annotations, ANNOTATION: "LimitRanger plugin set: " + "; ".join(said)}


def _complete(container: dict[str, Any], what: str, requests: Obj, limits: Obj) -> Iterator[str]:
    """Fill in what the container does not say, and tell what that was."""
    resources = container.get("resources") or {}
    for field, defaults, word in (("requests", requests, "request"), ("limits", limits, "limit")):
        given = resources.get(field) or {}
        missing = sorted(name for name in defaults if name not in given)
        if missing:
            resources = container["resources"] = {
                **resources,
                field: {**given, **{name: defaults[name] for name in missing}},
            }
            yield f"{', '.join(missing)} {word} for {what} {container.get('name') or ''}"


async def check(request: AdmissionRequest) -> None:
    for limits in await objects_in(request.store, _PREFIX, request.namespace):
        found = list(_broken(limits, request.kind, request.object or {}))
        if found:
            why = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
            raise forbidden(request.kind, request.name, why)


def _broken(limits: Obj, kind: Kind, obj: Obj) -> Iterator[str]:
    spec = obj.get("spec") or {}
    if is_core(kind, "persistentvolumeclaims"):
        asked = amounts_of((spec.get("resources") or {}).get("requests"))
        for item in _items(limits, CLAIM):
            yield from _apply(item, CLAIM, asked, {}, (("min", _least), ("max", _most_requested)))
        return
    for item in _items(limits, CONTAINER):
        for field, _ in _LISTS:
            for container in spec.get(field) or ():
                resources = container.get("resources") or {}
                asked, limited = amounts_of(resources.get("requests")), amounts_of(resources.get("limits"))
                yield from _apply(item, CONTAINER, asked, limited, _ALL)
    for item in _items(limits, POD):
        yield from _apply(item, POD, pod_amounts(spec, "requests"), pod_amounts(spec, "limits"), _ALL)


def _apply(
    item: dict[str, Any], type_: str, requests: Amounts, limits: Amounts, rules: tuple[tuple[str, Rule], ...]
) -> Iterator[str]:
    for field, rule in rules:
        for name, enforced in amounts_of(item.get(field)).items():
            if why := rule(type_, name, enforced, requests, limits):
                yield why


def _least(type_: str, name: str, enforced: Quantity, requests: Amounts, limits: Amounts) -> str:
    text = f"minimum {name} usage per {type_} is {enforced}"
    request, limit = requests.get(name), limits.get(name)
    if request is None:
        return f"{text}.  No request is specified"
    if request < enforced:
        return f"{text}, but request is {request}"
    return f"{text}, but limit is {limit}" if limit is not None and limit < enforced else ""


def _most(type_: str, name: str, enforced: Quantity, requests: Amounts, limits: Amounts) -> str:
    text = f"maximum {name} usage per {type_} is {enforced}"
    request, limit = requests.get(name), limits.get(name)
    if limit is None:
        return f"{text}.  No limit is specified"
    if limit > enforced:
        return f"{text}, but limit is {limit}"
    return f"{text}, but request is {request}" if request is not None and request > enforced else ""


def _most_requested(type_: str, name: str, enforced: Quantity, requests: Amounts, limits: Amounts) -> str:
    text = f"maximum {name} usage per {type_} is {enforced}"
    request = requests.get(name)
    if request is None:
        return f"{text}.  No request is specified"
    return f"{text}, but request is {request}" if request > enforced else ""


def _ratio(type_: str, name: str, enforced: Quantity, requests: Amounts, limits: Amounts) -> str:
    text = f"{name} max limit to request ratio per {type_} is {enforced}"
    request, limit = requests.get(name), limits.get(name)
    if not request:
        return f"{text}, but no request is specified or request is 0"
    if not limit:
        return f"{text}, but no limit is specified or limit is 0"
    ratio = limit.nano / request.nano
    return f"{text}, but provided ratio is {ratio:f}" if limit.nano * 10**9 > enforced.nano * request.nano else ""


_ALL: tuple[tuple[str, Rule], ...] = (("min", _least), ("max", _most), ("maxLimitRequestRatio", _ratio))
DEFAULTS = Plugin("LimitRanger", creates_pod, set_defaults)
#: Runs after everything that may change the object.
LIMITS = Plugin("LimitRanger", _handles, check)
