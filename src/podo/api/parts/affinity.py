"""What affinity must be like: to nodes, and to other pods or away from them (API reference: Affinity)."""

from __future__ import annotations

from typing import Any

from podo.api.parts.labelkeys import check_label_keys
from podo.api.parts.labelselector import check_label_selector
from podo.api.parts.nodeselector import PREFERRED, REQUIRED
from podo.api.rules import Found, check_text, forbidden, invalid, required
from podo.values import names

_BAD_OPERATOR = "not a valid selector operator"


def check_affinity(affinity: dict[str, Any], path: str, found: Found) -> None:
    """Node affinity, pod affinity and pod anti-affinity."""
    if node := affinity.get("nodeAffinity"):
        _check_node_affinity(node, f"{path}.nodeAffinity", found)
    for field in ("podAffinity", "podAntiAffinity"):
        if pods := affinity.get(field):
            _check_pod_affinity(pods, f"{path}.{field}", found)


def _check_node_affinity(affinity: dict[str, Any], path: str, found: Found) -> None:
    if (wanted := affinity.get(REQUIRED)) is not None:
        _check_node_selector(wanted, f"{path}.{REQUIRED}", found)
    for index, preference in enumerate(affinity.get(PREFERRED) or ()):
        where = f"{path}.{PREFERRED}[{index}]"
        _check_weight(preference, where, found)
        _check_node_term(preference.get("preference") or {}, False, f"{where}.preference", found)


def _check_node_selector(selector: dict[str, Any], path: str, found: Found) -> None:
    """A NodeSelector: at least one term."""
    terms = selector.get("nodeSelectorTerms") or ()
    if not terms:
        found.append(required(f"{path}.nodeSelectorTerms", "must have at least one node selector term"))
    for index, term in enumerate(terms):
        _check_node_term(term, True, f"{path}.nodeSelectorTerms[{index}]", found)


def _check_weight(preference: dict[str, Any], path: str, found: Found) -> None:
    weight = preference.get("weight") or 0
    if not 1 <= weight <= 100:
        found.append(invalid(f"{path}.weight", weight, "must be in the range 1-100"))


def _check_node_term(term: dict[str, Any], is_required: bool, path: str, found: Found) -> None:
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        _check_node_values(expression, where, found)
        check_text(f"{where}.key", expression.get("key") or "", names.qualified_name, found)
        for at, value in enumerate(expression.get("values") or () if is_required else ()):
            check_text(f"{where}.values[{at}]", value, names.label_value, found)
    for index, expression in enumerate(term.get("matchFields") or ()):
        _check_node_field(expression, f"{path}.matchFields[{index}]", found)


def _check_node_field(expression: dict[str, Any], path: str, found: Found) -> None:
    key, values = expression.get("key") or "", expression.get("values") or ()
    if expression.get("operator") not in ("In", "NotIn"):
        found.append(invalid(f"{path}.operator", expression.get("operator") or "", _BAD_OPERATOR))
    elif len(values) != 1:
        why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        found.append(required(f"{path}.values", why))
    if key != "metadata.name":
        found.append(invalid(f"{path}.key", key, "not a valid field selector key"))
        return
    for index, value in enumerate(values):
        check_text(f"{path}.values[{index}]", value, names.subdomain, found)


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
        found.append(invalid(f"{path}.operator", operator or "", _BAD_OPERATOR))


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
    check_label_keys(term, path, found)
    key = term.get("topologyKey") or ""
    if not key:
        found.append(required(f"{path}.topologyKey", "can not be empty"))
    check_text(f"{path}.topologyKey", key, names.qualified_name, found)
