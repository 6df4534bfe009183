"""FlowSchema (flowcontrol.apiserver.k8s.io/v1): which requests go to which priority level."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from podo.api.columns import AGE, NAME, column
from podo.api.kind import Kind, Obj
from podo.api.kinds.flowcontrol import defaults
from podo.api.meta import condition_of
from podo.api.parts.condition_rules import type_problems
from podo.api.rules import Found, check_text, forbidden, invalid, not_supported, required
from podo.values import names

GROUP = "flowcontrol.apiserver.k8s.io"
_PRECEDENCE_MAX, _DEFAULT_PRECEDENCE = 10000, 1000
_METHODS = ("ByNamespace", "ByUser")
_SUBJECTS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
_TOLD_OF = ("ServiceAccount", "User", "Group")
_VERBS = frozenset({"create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"})
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
    if why := _wrong_precedence(precedence, name):
        found.append(invalid("spec.matchingPrecedence", precedence, why))
    if (method := spec.get("distinguisherMethod")) is not None and method.get("type") not in _METHODS:
        found.append(not_supported("spec.distinguisherMethod.type", method, _METHODS))
    level = (spec.get("priorityLevelConfiguration") or {}).get("name") or ""
    if level:
        check_text("spec.priorityLevelConfiguration.name", level, names.subdomain, found)
    else:
        found.append(required("spec.priorityLevelConfiguration.name", "must reference a priority level"))
    for index, rule in enumerate(spec.get("rules") or ()):
        _check_rule(rule, f"spec.rules[{index}]", found)
    if name in defaults.MANDATORY and spec != _mandatory(name):
        found.append(invalid("spec", "{...}", f"spec of '{name}' must equal the fixed value"))
    return found


def _wrong_precedence(precedence: int, name: str) -> str:
    if precedence <= 0:
        return "must be a positive value"
    if precedence > _PRECEDENCE_MAX:
        return f"must not be greater than {_PRECEDENCE_MAX}"
    is_reserved = precedence == 1 and name != _FIRST
    return "only the schema named 'exempt' may have matchingPrecedence 1" if is_reserved else ""


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
        _check_other_rule(entry, f"{path}.nonResourceRules[{index}]", found)


def _check_subject(subject: dict[str, Any], path: str, found: Found) -> None:
    kind = subject.get("kind") or ""
    if kind not in _SUBJECTS:
        found.append(not_supported(f"{path}.kind", kind, _SUBJECTS))
        return
    own = _SUBJECTS[kind]
    if (body := subject.get(own)) is None:
        found.append(required(f"{path}.{own}", f"{own} is required when subject kind is '{kind}'"))
    elif kind == "ServiceAccount":
        _check_account(body, f"{path}.{own}", found)
    elif not body.get("name"):
        found.append(required(f"{path}.{own}.name"))
    for other in _TOLD_OF:
        if other != kind and subject.get(_SUBJECTS[other]) is not None:
            why = f"{_SUBJECTS[other]} is forbidden when subject kind is not '{other}'"
            found.append(forbidden(f"{path}.{_SUBJECTS[other]}", why))


def _check_account(account: dict[str, Any], path: str, found: Found) -> None:
    name, namespace = account.get("name") or "", account.get("namespace") or ""
    if not name:
        found.append(required(f"{path}.name"))
    elif name != "*":
        check_text(f"{path}.name", name, names.subdomain, found)
    if namespace:
        check_text(f"{path}.namespace", namespace, names.label, found)
    else:
        found.append(required(f"{path}.namespace", "must specify namespace for service account"))


def _check_resource_rule(rule: dict[str, Any], path: str, found: Found) -> None:
    _check_verbs(rule.get("verbs") or [], f"{path}.verbs", found)
    groups, resources = rule.get("apiGroups") or [], rule.get("resources") or []
    _check_list(groups, f"{path}.apiGroups", "resource rules must supply at least one api group", "api groups", found)
    why = "resource rules must supply at least one resource"
    _check_list(resources, f"{path}.resources", why, "resources", found)
    spaces, where = rule.get("namespaces") or [], f"{path}.namespaces"
    if not spaces and not rule.get("clusterScope"):
        why = "resource rules that are not cluster scoped must supply at least one namespace"
        found.append(required(where, why))
    elif "*" in spaces:
        _check_list(spaces, where, "", "namespaces", found)
    else:
        why = "each member of this list must be '*' or a DNS-1123 label; "
        for index, space in enumerate(spaces):
            found.extend(invalid(f"{where}[{index}]", space, why + message) for message in names.label(space))


def _check_other_rule(rule: dict[str, Any], path: str, found: Found) -> None:
    _check_verbs(rule.get("verbs") or [], f"{path}.verbs", found)
    urls, where = rule.get("nonResourceURLs") or [], f"{path}.nonResourceURLs"
    _check_list(urls, where, "nonResourceURLs must contain at least one value", "non-resource URLs", found)
    if "*" not in urls:
        for index, url in enumerate(urls):
            if why := _wrong_with(url):
                found.append(invalid(f"{where}[{index}]", url, why))


def _check_verbs(verbs: list[str], path: str, found: Found) -> None:
    _check_list(verbs, path, "verbs must contain at least one value", "verbs", found)
    if "*" not in verbs and not _VERBS.issuperset(verbs):
        found.append(not_supported(path, verbs, sorted(_VERBS)))


def _check_list(values: list[str], path: str, missing: str, what: str, found: Found) -> None:
    if not values:
        found.append(required(path, missing))
    elif "*" in values and len(values) > 1:
        found.append(invalid(path, values, f"if '*' is present, must not specify other {what}"))


def _wrong_with(url: str) -> str:
    """Of a path that is no resource's; a star stands for the rest of one, after a slash."""
    if not url:
        return "must not be empty"
    if url == "/":
        return ""
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    is_wild = url.count("*") > 1 or ("*" in url and not url.endswith("/*"))
    return "wildcard can only do suffix matching" if is_wild else ""


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
    status_problems=type_problems,
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
