"""Role and ClusterRole (rbac.authorization.k8s.io/v1): what may be done, in one namespace or everywhere."""

from __future__ import annotations

from podo.api.columns import CREATED_AT, NAME
from podo.api.kind import Kind, Obj
from podo.api.parts.labelselector import check_label_selector
from podo.api.rules import Found, invalid, required

GROUP = "rbac.authorization.k8s.io"


def _check_rule(path: str, rule: Obj, namespaced: bool, found: Found) -> None:
    if not rule.get("verbs"):
        found.append(required(f"{path}.verbs", "verbs must contain at least one value"))
    if urls := rule.get("nonResourceURLs"):
        if namespaced:
            why = "namespaced rules cannot apply to non-resource URLs"
            found.append(invalid(f"{path}.nonResourceURLs", urls, why))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            why = "rules cannot apply to both regular resources and non-resource URLs"
            found.append(invalid(f"{path}.nonResourceURLs", urls, why))
        return
    if not rule.get("apiGroups"):
        found.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        found.append(required(f"{path}.resources", "resource rules must supply at least one resource"))


def _role_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    for index, rule in enumerate(new.get("rules") or ()):
        _check_rule(f"rules[{index}]", rule, True, found)
    return found


def _cluster_role_problems(new: Obj, old: Obj | None) -> Found:
    found: Found = []
    for index, rule in enumerate(new.get("rules") or ()):
        _check_rule(f"rules[{index}]", rule, False, found)
    aggregation = new.get("aggregationRule")
    if aggregation is None:
        return found
    path, selectors = "aggregationRule.clusterRoleSelectors", aggregation.get("clusterRoleSelectors") or ()
    if not selectors:
        found.append(required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil"))
    for index, selector in enumerate(selectors):
        check_label_selector(selector, f"{path}[{index}]", found)
    return found


def _fill_in(role: Obj) -> None:
    role.setdefault("rules", None)  # upstream writes an absent list of rules as null


ROLE = Kind(
    group=GROUP,
    version="v1",
    kind="Role",
    plural="roles",
    singular="role",
    name_rule="path",
    fill_in=_fill_in,
    problems=_role_problems,
    columns=(NAME, CREATED_AT),
    created_by_update=True,
)
CLUSTERROLE = Kind(
    group=GROUP,
    version="v1",
    kind="ClusterRole",
    plural="clusterroles",
    singular="clusterrole",
    namespaced=False,
    name_rule="path",
    fill_in=_fill_in,
    problems=_cluster_role_problems,
    columns=(NAME, CREATED_AT),
    created_by_update=True,
)
