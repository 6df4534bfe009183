"""Rules that webhooks and admission policies share: which requests they match (API reference: RuleWithOperations,
MatchCondition)."""

from __future__ import annotations

from typing import Any

from podo.api.kind import Obj
from podo.api.rules import Found, check_choice, check_text, check_unique, invalid, not_supported, required, too_many
from podo.values import names

GROUP = "admissionregistration.k8s.io"
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
SCOPES = ("*", "Cluster", "Namespaced")
FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
_CONDITIONS_MAX = 64
#: What the names of policies and webhooks end with that a server reads from files.
_OF_FILES = ".static.k8s.io"


def fill_in_rules(rules: Any) -> None:
    """A rule is for both scopes unless it says more."""
    for rule in rules or ():
        if rule.get("scope") is None:
            rule["scope"] = "*"


def name_warnings(new: Obj, old: Obj | None) -> list[str]:
    if not new["metadata"].get("name", "").endswith(_OF_FILES):
        return []
    reserved = "reserved for static manifest-based configurations and cannot be managed via the API"
    return [f'metadata.name: names ending with "{_OF_FILES}" are {reserved}']


def check_rule(rule: dict[str, Any], path: str, found: Found) -> None:
    operations = rule.get("operations") or []
    if not operations:
        found.append(required(f"{path}.operations"))
    if len(operations) > 1 and "*" in operations:
        why = "if '*' is present, must not specify other operations"
        found.append(invalid(f"{path}.operations", operations, why))
    for index, operation in enumerate(operations):
        if operation not in OPERATIONS:
            found.append(not_supported(f"{path}.operations[{index}]", operation, OPERATIONS))
    _check_names(rule.get("apiGroups") or [], f"{path}.apiGroups", "API groups", found, may_be_empty=True)
    _check_names(rule.get("apiVersions") or [], f"{path}.apiVersions", "API versions", found)
    _check_resources(rule.get("resources") or [], f"{path}.resources", found)
    check_choice(f"{path}.scope", rule.get("scope"), SCOPES, found)


def _check_names(values: list[str], path: str, what: str, found: Found, *, may_be_empty: bool = False) -> None:
    if not values:
        found.append(required(path))
    if len(values) > 1 and "*" in values:
        found.append(invalid(path, values, f"if '*' is present, must not specify other {what}"))
    if not may_be_empty:
        found.extend(required(f"{path}[{index}]") for index, value in enumerate(values) if not value)


def _check_resources(resources: list[str], path: str, found: Found) -> None:
    if not resources:
        found.append(required(path))
    covered: set[str] = set()
    for index, resource in enumerate(resources):
        plural, slash, sub = resource.partition("/")
        if not resource:
            found.append(required(f"{path}[{index}]"))
        elif slash:
            for wild in (f"{plural}/*", f"*/{sub}"):
                if wild in covered:
                    why = f"if '{wild}' is present, must not specify {resource}"
                    found.append(invalid(f"{path}[{index}]", resource, why))
            if "*" in (plural, sub):
                covered.add(resource)
    if len(resources) > 1 and "*/*" in resources:
        found.append(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
    if "*" in resources and any("/" not in resource and resource not in ("", "*") for resource in resources):
        why = "if '*' is present, must not specify other resources without subresources"
        found.append(invalid(path, resources, why))


def check_match_conditions(
    conditions: list[dict[str, Any]], path: str, found: Found, *, has_params: bool = False
) -> None:
    """``has_params``: expressions may use a policy's parameters."""
    if len(conditions) > _CONDITIONS_MAX:
        found.append(too_many(path, len(conditions), _CONDITIONS_MAX))
        return
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        where = f"{path}[{index}]"
        check_expression(condition, f"{where}.expression", has_params, found)
        name = condition.get("name") or ""
        if not name:
            found.append(required(f"{where}.name"))
            continue
        check_text(f"{where}.name", name, names.qualified_name, found)
        check_unique(f"{where}.name", name, seen, found)


def check_expression(
    condition: dict[str, Any],
    path: str,
    has_params: bool,
    found: Found,
) -> None:
    """The expression of a match condition: it must compile, and be a bool."""
    expression = (condition.get("expression") or "").strip()
    if not expression:
        found.append(required(path))
        return
    from podo.api.kinds.admissionregistration import expressions  # CEL is loaded with the first condition
    from podo.cel.program import CompileError

    try:
        expressions.checked(expression, expressions.environment(has_params=has_params), expressions.BOOL)
    except CompileError as problem:
        found.append(invalid(path, expression, str(problem)))
