"""What may be asked of the scheduler: affinity, tolerations, topology spread (API reference: Affinity, Toleration)."""

from __future__ import annotations

from typing import Any

from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.nodeselector import PREFERRED, REQUIRED
from podo.api.rules import Found, check_one_of, check_text, forbidden, invalid, not_supported, required
from podo.values import names

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")


def check_tolerations(tolerations: list[dict[str, Any]], path: str, found: Found) -> None:
    for index, toleration in enumerate(tolerations):
        _check_toleration(toleration, f"{path}[{index}]", found)


def _check_toleration(toleration: dict[str, Any], path: str, found: Found) -> None:
    key, operator = toleration.get("key"), toleration.get("operator") or "Equal"
    effect, value = toleration.get("effect"), toleration.get("value") or ""
    if key:
        check_text(f"{path}.key", key, names.qualified_name, found)
    elif operator != "Exists":
        why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        found.append(invalid(f"{path}.operator", operator, why))
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        found.append(invalid(f"{path}.effect", effect or "", why))
    if operator == "Equal":
        check_text(f"{path}.operator", value, names.label_value, found)
    elif operator == "Exists":
        if value:
            found.append(invalid(f"{path}.operator", toleration, "value must be empty when `operator` is 'Exists'"))
    elif operator not in ("Lt", "Gt"):
        found.append(not_supported(f"{path}.operator", operator, ("Equal", "Exists")))
    if effect and effect not in _EFFECTS:
        found.append(not_supported(f"{path}.effect", effect, _EFFECTS))


def check_spread(constraints: list[dict[str, Any]], path: str, found: Found) -> None:
    """Topology spread constraints."""
    for index, constraint in enumerate(constraints):
        where = f"{path}[{index}]"
        if (skew := constraint.get("maxSkew") or 0) <= 0:
            found.append(invalid(f"{where}.maxSkew", skew, "must be greater than zero"))
        if not constraint.get("topologyKey"):
            found.append(required(f"{where}.topologyKey", "can not be empty"))
        else:
            check_text(f"{where}.topologyKey", constraint["topologyKey"], names.qualified_name, found)
        check_one_of(f"{where}.whenUnsatisfiable", constraint.get("whenUnsatisfiable"), _UNSATISFIABLE, found)
        if selector := constraint.get("labelSelector"):
            check_label_selector(selector, f"{where}.labelSelector", found)


def check_affinity(affinity: dict[str, Any], path: str, found: Found) -> None:
    """Node affinity, pod affinity and pod anti-affinity."""
    if node := affinity.get("nodeAffinity"):
        _check_node_affinity(node, f"{path}.nodeAffinity", found)
    for field in ("podAffinity", "podAntiAffinity"):
        if pods := affinity.get(field):
            _check_pod_affinity(pods, f"{path}.{field}", found)


def _check_node_affinity(affinity: dict[str, Any], path: str, found: Found) -> None:
    if (wanted := affinity.get(REQUIRED)) is not None:
        terms = wanted.get("nodeSelectorTerms") or ()
        if not terms:
            why = "must have at least one node selector term"
            found.append(required(f"{path}.{REQUIRED}.nodeSelectorTerms", why))
        for index, term in enumerate(terms):
            _check_node_term(term, f"{path}.{REQUIRED}.nodeSelectorTerms[{index}]", found)
    for index, preference in enumerate(affinity.get(PREFERRED) or ()):
        where = f"{path}.{PREFERRED}[{index}]"
        _check_weight(preference, where, found)
        _check_node_term(preference.get("preference") or {}, f"{where}.preference", found)


def _check_weight(preference: dict[str, Any], path: str, found: Found) -> None:
    weight = preference.get("weight") or 0
    if not 1 <= weight <= 100:
        found.append(invalid(f"{path}.weight", weight, "must be in the range 1-100"))


def _check_node_term(term: dict[str, Any], path: str, found: Found) -> None:
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        _check_node_values(expression, where, found)
        check_text(f"{where}.key", expression.get("key") or "", names.qualified_name, found)
    for index, expression in enumerate(term.get("matchFields") or ()):
        where = f"{path}.matchFields[{index}]"
        if expression.get("key") != "metadata.name":
            found.append(invalid(f"{where}.key", expression.get("key") or "", "not a valid field selector key"))
        if len(expression.get("values") or ()) != 1:
            found.append(required(f"{where}.values", "must be only one value when `operator` is 'In' or 'NotIn'"))


def _check_node_values(expression: dict[str, Any], path: str, found: Found) -> None:
    operator, values = expression.get("operator"), expression.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            found.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(forbidden(f"{path}.values", why))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            why = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            found.append(required(f"{path}.values", why))
    else:
        found.append(invalid(f"{path}.operator", operator or "", "not a valid selector operator"))


def _check_pod_affinity(affinity: dict[str, Any], path: str, found: Found) -> None:
    for index, term in enumerate(affinity.get(REQUIRED) or ()):
        _check_pod_term(term, f"{path}.{REQUIRED}[{index}]", found)
    for index, preference in enumerate(affinity.get(PREFERRED) or ()):
        where = f"{path}.{PREFERRED}[{index}]"
        _check_weight(preference, where, found)
        _check_pod_term(preference.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm", found)


def _check_pod_term(term: dict[str, Any], path: str, found: Found) -> None:
    for field in ("labelSelector", "namespaceSelector"):
        if selector := term.get(field):
            check_label_selector(selector, f"{path}.{field}", found)
    for namespace in term.get("namespaces") or ():
        check_text(f"{path}.namespace", namespace, names.label, found)
    if key := term.get("topologyKey"):
        check_text(f"{path}.topologyKey", key, names.qualified_name, found)
    else:
        found.append(required(f"{path}.topologyKey", "can not be empty"))
