"""FlowSchema (flowcontrol.apiserver.k8s.io/v1): which requests go to which priority level."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.kinds.flowcontrol import defaults
from podo.api.meta import condition_of
from podo.api.rules import Found, check_text, forbidden, invalid, not_supported, required
from podo.values import names

GROUP = "flowcontrol.apiserver.k8s.io"
_PRECEDENCE_MAX, _DEFAULT_PRECEDENCE = 10000, 1000
_METHODS = ("ByNamespace", "ByUser")
_SUBJECTS = ("Group", "ServiceAccount", "User")
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
#: The schema that all others fall through to, and the one of administrators: they have fixed precedences.
_LAST, _FIRST = "catch-all", "exempt"


def _fill_in(schema: Obj) -> None:
    spec = schema["spec"] = schema.get("spec") or {}
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = _DEFAULT_PRECEDENCE


def _problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    name, spec = new["metadata"].get("name") or "", new.get("spec") or {}
    precedence = spec.get("matchingPrecedence") or 0
    if not 1 <= precedence <= _PRECEDENCE_MAX:
        why = f"must be between 1 and {_PRECEDENCE_MAX}"
        found.append(invalid("spec.matchingPrecedence", precedence, why))
    elif precedence == 1 and name != _FIRST:
        found.append(
            invalid(
                "spec.matchingPrecedence", precedence, "only the schema named 'exempt' may have matchingPrecedence 1"
            )
        )
    level = (spec.get("priorityLevelConfiguration") or {}).get("name") or ""
    if level:
        check_text("spec.priorityLevelConfiguration.name", level, names.subdomain, found)
    else:
        found.append(required("spec.priorityLevelConfiguration.name", "must reference a priority level"))
    if (method := spec.get("distinguisherMethod")) is not None and method.get("type") not in _METHODS:
        found.append(not_supported("spec.distinguisherMethod", method.get("type") or "", _METHODS))
    for index, rule in enumerate(spec.get("rules") or ()):
        _check_rule(rule, f"spec.rules[{index}]", found)
    if name in defaults.MANDATORY and spec != _mandatory(name):
        found.append(invalid("spec", "{...}", f"spec of '{name}' must equal the fixed value"))
    return found


@lru_cache(maxsize=2)
def _mandatory(name: str) -> Obj:
    spec: Obj = next(obj["spec"] for obj in defaults.flow_schemas() if obj["metadata"]["name"] == name)
    return spec


def _check_rule(rule: dict[str, Any], path: str, found: Found) -> None:
    subjects = rule.get("subjects") or []
    if not subjects:
        found.append(required(f"{path}.subjects", "subjects must contain at least one value"))
    for index, subject in enumerate(subjects):
        _check_subject(subject, f"{path}.subjects[{index}]", found)
    resources, others = rule.get("resourceRules") or [], rule.get("nonResourceRules") or []
    if not resources and not others:
        found.append(required(path, "at least one of resourceRules and nonResourceRules has to be non-empty"))
    for index, entry in enumerate(resources):
        _check_resource_rule(entry, f"{path}.resourceRules[{index}]", found)
    for index, entry in enumerate(others):
        where = f"{path}.nonResourceRules[{index}]"
        _check_list(entry.get("verbs") or [], f"{where}.verbs", "verbs", found)
        _check_list(entry.get("nonResourceURLs") or [], f"{where}.nonResourceURLs", "nonResourceURLs", found)


def _check_subject(subject: dict[str, Any], path: str, found: Found) -> None:
    kind = subject.get("kind") or ""
    if kind not in _SUBJECTS:
        found.append(not_supported(f"{path}.kind", kind, _SUBJECTS))
        return
    own = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
    for other, field in own.items():
        if other != kind and subject.get(field) is not None:
            found.append(forbidden(f"{path}.{field}", f"{field} is forbidden when subject kind is not '{other}'"))
    field = own[kind]
    body = subject.get(field)
    if body is None:
        found.append(required(f"{path}.{field}", f"{field} is required when subject kind is '{kind}'"))
        return
    if not body.get("name"):
        found.append(required(f"{path}.{field}.name"))
    if kind == "ServiceAccount" and not body.get("namespace"):
        found.append(required(f"{path}.{field}.namespace", "must specify namespace for service account"))


def _check_resource_rule(rule: dict[str, Any], path: str, found: Found) -> None:
    verbs = rule.get("verbs") or []
    _check_list(verbs, f"{path}.verbs", "verbs", found)
    if unknown := [verb for verb in verbs if verb != "*" and verb not in _VERBS]:
        found.append(not_supported(f"{path}.verbs", unknown, _VERBS))
    for field in ("apiGroups", "resources"):
        _check_list(rule.get(field) or [], f"{path}.{field}", field, found)
    spaces = rule.get("namespaces") or []
    if not spaces and not rule.get("clusterScope"):
        found.append(
            required(
                f"{path}.namespaces", "resource rules that are not cluster scoped must supply at least one namespace"
            )
        )
    if "*" in spaces and len(spaces) > 1:
        found.append(invalid(f"{path}.namespaces", spaces, "if '*' is present, must not specify other namespaces"))
    for index, space in enumerate(spaces):
        if space != "*":
            check_text(f"{path}.namespaces[{index}]", space, names.label, found)


def _check_list(values: list[str], path: str, field: str, found: Found) -> None:
    if not values:
        found.append(required(path, f"{field} must contain at least one value"))
    elif "*" in values and len(values) > 1:
        found.append(invalid(path, values, f"if '*' is present, must not specify other {_singular(field)}"))


def _singular(field: str) -> str:
    return {"apiGroups": "api groups", "nonResourceURLs": "non-resource URLs"}.get(field, field)


def dangling(level: str, there: bool) -> dict[str, str]:
    """The condition that says whether the priority level a FlowSchema names is there; without its time."""
    found = "and it exists" if there else "but there is no such object"
    told = f'This FlowSchema references the PriorityLevelConfiguration object named "{level}" {found}'
    status, reason = ("False", "Found") if there else ("True", "NotFound")
    return {"type": "Dangling", "status": status, "reason": reason, "message": told}


def _method(schema: Obj) -> str:
    return ((schema.get("spec") or {}).get("distinguisherMethod") or {}).get("type") or "<none>"


def _dangling(schema: Obj) -> str:
    condition = condition_of(schema, "Dangling")
    return str(condition.get("status")) if condition else "?"


FLOWSCHEMA = Kind(
    group=GROUP,
    version="v1",
    kind="FlowSchema",
    plural="flowschemas",
    singular="flowschema",
    namespaced=False,
    fill_in=_fill_in,
    problems=_problems,
    row_order=lambda schema: (schema.get("spec") or {}).get("matchingPrecedence") or 0,
    columns=(
        NAME,
        column(
            "PriorityLevel",
            lambda schema: (schema["spec"].get("priorityLevelConfiguration") or {}).get("name") or "<none>",
        ),
        column("MatchingPrecedence", lambda schema: schema["spec"].get("matchingPrecedence") or 0),
        column("DistinguisherMethod", _method),
        AGE,
        column("MissingPL", _dangling),
    ),
    subresources=frozenset({"status"}),
    generation=True,
)
